import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Pebble, pebbleProblem } from './pebble.ts';
import { fixed, RealCaddy, route, until } from './real-caddy.ts';

const missing = pebbleProblem();
const run = missing === undefined ? test : test.skip;
if (missing !== undefined) process.stdout.write(`SKIPPED: no real ACME server: ${missing}\n`);

run('gets a certificate from an ACME server and serves with it', async () => {
  const caddy = await RealCaddy.start();
  const pebble = await Pebble.prepare(caddy);
  try {
    await pebble.runNames();
    await pebble.runCa();
    const proxy = caddy.proxy({ acme: pebble.acme });
    await proxy.load([route({ host: 'shop.test', tls: 'auto', upstreams: fixed(await caddy.app('shop')) })]);
    await until(
      'Caddy has the certificate',
      async () => (await caddy.https({ host: 'shop.test' })).status === 200,
    );
    const answer = await caddy.https({ host: 'shop.test' });
    assert.is(answer.body, 'shop /');
    assert.match(String(answer.issuer), /^Pebble Intermediate CA/);
    assert.is((await caddy.http({ host: 'shop.test' })).headers.location, 'https://shop.test/');
    assert.is((await proxy.observe()).state, 'running');
  } finally {
    await pebble.close();
    await caddy.close();
  }
});

test.run();
