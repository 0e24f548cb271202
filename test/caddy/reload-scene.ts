// Clients on new connections while Caddy loads other routes again and again; in a network of its own, by `reload.test.ts`.

import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { fixed, RealCaddy, route } from './real-caddy.ts';

const loads = 20;
const clients = 12;

const caddy = await RealCaddy.start();
let requests = 0;
const errors: string[] = [];
try {
  const proxy = caddy.proxy();
  const shop = route({ host: 'shop.test', upstreams: fixed(await caddy.app('shop')) });
  await proxy.load([shop]);
  const stop = new AbortController();
  const asking = Array.from({ length: clients }, () => askOften(stop.signal));
  for (let turn = 1; turn <= loads; turn += 1) {
    const before = requests;
    await proxy.load([shop, route({ host: `other-${turn}.test`, upstreams: shop.upstreams })]);
    while (requests < before + 5 * clients) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stop.abort();
  await Promise.all(asking);
} finally {
  await caddy.close();
}
process.stdout.write(JSON.stringify({ requests, loads, errors }));

async function askOften(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const said = await ask().catch((error: Error) => error.message);
    requests += 1;
    if (said !== 'shop /') errors.push(said);
  }
}

function ask(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { host: '127.0.0.1', port: caddy.httpPort, headers: { Host: 'shop.test' }, agent: false };
  get(options, (answer) => text(answer).then(resolve, reject)).on('error', reject);
  return promise;
}
