import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { programs } from '../e2e/host.ts';
import { moments } from './fault-socket.ts';
import { faultTest, say } from './fault-test.ts';
import { checkOut, historyProblem, versions } from './old-version.ts';
import { expectHolds } from './oracle.ts';
import { seed, seeded } from './seeded.ts';
import { plain, type Stage, type Wanted, whole } from './stage.ts';

/** What the old versions knew: no secrets yet. */
const known = {
  ...whole,
  files: [{ mount: '/etc/plain', content: 'plain' }],
  env: { TOKEN: undefined },
};
const shop = (release: string): Wanted => ({ release, spec: known });
const small = (release: string, more: object = {}): Wanted => ({
  release,
  spec: { ...plain, env: { TOKEN: undefined }, ...more },
});
/** Instead of the secret of the stage: an empty document, which says nothing. */
const noSecret = { 'canary/app.yaml': '' };
const config = () => ({ secrets: undefined });
const unless = historyProblem();

for (const [version, commit] of Object.entries(versions)) {
  /** Of the old one, which has made everything that stands by then. */
  const begin = async (stage: Stage): Promise<void> => {
    const { host } = stage;
    const old = checkOut(commit);
    host.endsWith(() => old.remove());
    await asIt(stage, old.entry);
    const first = { api: small('0'), web: small('0'), bad: small('1'), gone: small('0'), shop: shop('1') };
    await host.untilConverged(stage.commit(first, noSecret));
    await stage.planted.copyLabels('api');
    // One replica has its flag then, whichever address it began at.
    await host.untilConverged(stage.commit({ shop: shop('2') }));
  };

  faultTest(
    {
      kind: 'old version',
      name: `what ${version} left stands as it is: nothing restarts, and what was remembered still counts`,
      long: true,
      config,
      unless,
    },
    async (stage) => {
      const { host } = stage;
      await begin(stage);
      stage.follow('shop', /^shop 2$/);
      const revision = stage.commit({ bad: small('2', { command: programs.exits }) });
      await until('the broken one is given up', async () => {
        const { quarantine, health } = await host.app('bad');
        return quarantine !== null && health === 'Healthy' && (await host.ids('bad')).length === 1;
      });
      await host.ask('POST', '/api/v1/apps/web/suspend', { reason: 'by the old one' });
      const before = await deploymentsOf(stage, 'shop');
      for (const id of before) stage.deployments.add(id);
      const ids = await host.ids();
      await stage.controller.end();
      const calls = stage.ledger.mutations.length;
      await asThis(stage);
      stage.injected += 1;
      await host.untilReason('web', 'Suspended');
      await host.ask('POST', '/api/v1/apps/web/resume', {});
      const rolledBack = { bad: '1' };
      await expectHolds(stage, { revision, rolledBack });
      assert.equal(await host.ids(), ids, 'nothing restarts');
      const changes = stage.ledger.mutations.slice(calls).filter(({ to }) => to === 'engine');
      assert.equal(changes, [], 'and nothing is changed');
      assert.equal(await deploymentsOf(stage, 'shop'), before);
      // And it goes on: an update, a removal, and the broken one mended.
      const next = stage.commit({ shop: shop('3'), gone: undefined, bad: small('3') });
      await stage.clients.at(-1)?.end();
      await expectHolds(stage, { revision: next });
    },
  );

  faultTest(
    {
      kind: 'old version',
      name: `a rollout that ${version} was killed in is brought to its end`,
      long: true,
      config,
      unless,
    },
    async (stage) => {
      await begin(stage);
      stage.follow('shop', /^shop [23]$/);
      const random = seeded(version);
      const at = 1 + Math.floor(random() * 12);
      const when = moments[Math.floor(random() * moments.length)] ?? 'before';
      say(`${version} killed ${when} call ${at} of an update, seed ${seed}`);
      const old = stage.controller;
      stage.ledger.strikeAt(at, () => ({ kind: 'break', when, act: () => old.signal('SIGKILL') }));
      const revision = stage.commit({ shop: shop('3') });
      await until('it is killed', () => !old.isRunning);
      await old.ended();
      stage.ledger.calm();
      stage.injected += 1;
      await asThis(stage);
      await expectHolds(stage, { revision });
    },
  );
}

async function asIt(stage: Stage, entry: string): Promise<void> {
  const present = stage.host.entry;
  stage.host.entry = entry;
  stage.start();
  stage.host.entry = present;
  await until('the old one answers', () => stage.host.hasSocket);
}

async function asThis(stage: Stage): Promise<void> {
  stage.start();
  await until('this one answers', async () => (await stage.host.ask('GET', '/api/v1/status')).status === 200);
}

async function deploymentsOf({ host }: Stage, app: string): Promise<string[]> {
  const { body } = await host.ask('GET', `/api/v1/apps/${app}/deployments`);
  return (body as { items: { id: string }[] }).items.map(({ id }) => id);
}

test.run();
