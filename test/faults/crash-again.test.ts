import { watch } from 'node:fs';
import { test } from 'uvu';
import { until } from '../caddy/real-caddy.ts';
import { moments } from './fault-socket.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { isDone, nextRelease, type OperationName, operations, strikeAt } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { seed, seeded } from './seeded.ts';
import { type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };

faultTest(
  {
    kind: 'SIGKILL again and again',
    name: 'a controller that is killed again while it recovers gets there all the same',
  },
  async (stage) => {
    await beginWith(stage, { ...base, shop: { release: nextRelease(), spec: whole } });
    stage.follow('api', /^api 0$/);
    const random = seeded('again');
    const rounds = isLong ? 24 : 1;
    say(`killed again and again: ${rounds} rounds, seed ${seed}`);
    for (let round = 0; round < rounds; round += 1) await killAgain(stage, random);
  },
);

async function killAgain(stage: Stage, random: () => number): Promise<void> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const name = pick(Object.keys(operations) as OperationName[]);
  const kills = Array.from({ length: 2 + Math.floor(random() * 3) }, () => ({
    at: 1 + Math.floor(random() * 6),
    when: pick(moments),
  }));
  const [first = { at: 1, when: 'before' as const }, ...more] = kills;
  const fatal = (when: (typeof moments)[number]) => () =>
    ({ kind: 'break', when, act: () => stage.controller.signal('SIGKILL') }) as const;
  const { expected, isReached } = await strikeAt(stage, { name, at: first.at }, fatal(first.when));
  try {
    if (isReached) await stage.controller.ended();
    for (const { at, when } of isReached ? more : []) {
      const isAgain = stage.ledger.strikeAt(at, fatal(when));
      stage.start();
      const isOver = async () => isAgain() || (await isDone(stage, expected));
      await until('it is killed again, or done', isOver);
      if (!isAgain()) break;
      stage.injected += 1;
      await stage.controller.ended();
    }
    stage.ledger.calm();
    if (!stage.controller.isRunning) stage.start();
    await expectHolds(stage, expected);
  } catch (error) {
    if (error instanceof Error)
      error.message = `${name}, killed at ${JSON.stringify(kills)}: ${error.message}`;
    throw error;
  }
}

faultTest(
  { kind: 'SIGKILL at a switch', name: 'a controller killed right after a switch of traffic is no loss' },
  async (stage) => {
    const { host } = stage;
    await beginWith(stage, { ...base, shop: { release: nextRelease(), spec: whole } });
    stage.follow('shop', /^shop \d+$/);
    const loads = stage.loads();
    // An update of two replicas switches twice: each of the two is a controller's last act once.
    for (const fatal of [1, 2]) {
      const switched = new Set<string>();
      const { controller } = stage;
      const seen = watch(host.caddy.flagDir, (_event, flag) => {
        if (flag !== null && /^shop\.\d$/.test(flag)) switched.add(flag);
        if (switched.size >= fatal && controller.isRunning) controller.signal('SIGKILL');
      });
      host.endsWith(() => seen.close());
      const revision = stage.commit({ shop: { release: nextRelease(), spec: whole } });
      await until('it is killed', () => !controller.isRunning);
      seen.close();
      stage.injected += 1;
      stage.start();
      await expectHolds(stage, { revision });
    }
    if (stage.loads() > loads) throw new Error('Caddy was reloaded');
  },
);

test.run();
