import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import { programs } from '../e2e/host.ts';
import { hands } from './by-hand.ts';
import { damages } from './damages.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { illnesses } from './illnesses.ts';
import { nextRelease } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { seed, seeded } from './seeded.ts';
import { plain, type Stage, whole } from './stage.ts';

type Chance = () => number;

const pick = <T>(items: readonly T[], random: Chance): T => items[Math.floor(random() * items.length)] as T;

/** Every app that things happen to, with what it is to be in the end. */
const ends: Readonly<Record<string, object>> = { web: plain, shop: whole, extra: whole };

/** What a commit may make of one of them. */
const changes: readonly ((end: object) => object | undefined)[] = [
  (end) => end,
  (end) => ({ ...end, replicas: 3 }),
  (end) => ({ ...end, deploy: { ...plain.deploy, order: 'stop-first' } }),
  (end) => ({ ...end, command: programs.exits }),
  (end) => ({ ...end, command: programs.slow }),
  () => undefined,
];

/** Once history is lost, a container that was renamed is somebody else's, and stays. */
const handsThatLast = Object.entries(hands).flatMap(([what, act]) => (what === 'renamed' ? [] : act));

/** What happens to a host, on any day; some of it goes on until the round is over. */
const troubles: Readonly<Record<string, (stage: Stage, random: Chance) => unknown>> = {
  commit: (stage, random) => {
    const app = pick(Object.keys(ends), random);
    const spec = pick(changes, random)(ends[app] ?? {});
    if (spec || stage.wanted[app]) stage.commit({ [app]: spec && { release: nextRelease(), spec } });
  },
  'a hand': async (stage, random) => {
    const { host, planted } = stage;
    const app = pick(Object.keys(ends), random);
    const ids = (await host.ids(app)).filter((id) => !planted.ids.has(id));
    const act = pick(handsThatLast, random);
    // The controller may have been quicker: then there is nothing to do it to.
    if (ids.length > 0) await act(host.docker.getContainer(pick(ids, random)), stage).catch(() => undefined);
  },
  SIGKILL: async (stage) => {
    await stage.controller.end('SIGKILL');
    stage.start();
  },
  'history lost': async (stage) => {
    await stage.controller.end('SIGKILL');
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(join(stage.host.stateDir, `plimsoll.db${suffix}`), { force: true });
    stage.forgetHistory();
    stage.start();
  },
  'events cut': ({ engine }) => engine.cutStreams(),
  'engine unwell': ({ ledger }, random) => {
    const judge = pick(Object.values(illnesses), random);
    ledger.rule = ({ to }) => (to === 'engine' ? judge(random) : undefined);
  },
  // One that was emptied a moment ago has nothing that could be edited.
  'Caddy damaged': (stage, random) => pick(Object.values(damages), random)(stage).catch(() => undefined),
};

faultTest(
  {
    kind: 'many at once',
    name: 'whatever comes together, commits, hands, crashes, an engine and a Caddy that fail, git is reached in the end',
  },
  async (stage) => {
    const wanted = Object.entries(ends).map(([app, spec]) => [app, { release: '0', spec }]);
    await beginWith(stage, { api: { release: '0' }, ...Object.fromEntries(wanted) });
    // A hand and a Caddy that was changed are noticed by the next look, probe or poll.
    stage.sampler.grace = 10_000;
    const rounds = isLong ? 8 : 1;
    say(`many at once: ${rounds} rounds, seed ${seed}`);
    for (let round = 0; round < rounds; round += 1) await happen(stage, seeded(`round ${round}`));
  },
);

async function happen(stage: Stage, random: Chance): Promise<void> {
  const happened: string[] = [];
  // Nothing happens to this app, but for what happens to all.
  const clients = stage.follow('api', /^api 0$/);
  try {
    for (let count = 3 + Math.floor(random() * 5); count > 0; count -= 1) {
      const name = pick(Object.keys(troubles), random);
      happened.push(name);
      await troubles[name]?.(stage, random);
      stage.injected += 1;
      await delay(random() * 1_500);
    }
    stage.ledger.calm();
    stage.engine.cut();
    const changed = Object.entries(ends).filter(([app, spec]) => stage.wanted[app]?.spec !== spec);
    const last = [...stage.commits.keys()].at(-1) ?? '';
    const good = changed.map(([app, spec]) => [app, { release: nextRelease(), spec }] as const);
    const revision = good.length > 0 ? stage.commit(Object.fromEntries(good)) : last;
    const isCut = happened.includes('Caddy damaged');
    await expectHolds(stage, { revision, lingering: true, ...(isCut ? { gaps: true } : {}) });
  } catch (error) {
    if (error instanceof Error) error.message = `after ${happened.join(', ')}: ${error.message}`;
    throw error;
  } finally {
    await clients.end();
    stage.clients.splice(0);
  }
}

test.run();
