import { test } from 'uvu';
import { until } from '../caddy/real-caddy.ts';
import { programs } from '../e2e/host.ts';
import { type Moment, moments } from './fault-socket.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { type Expected, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { type Stage, whole } from './stage.ts';

/** What is done to an app of a host that is converged, and what is to come of it. */
interface Operation {
  /** Does it; what is to hold afterwards. */
  begin(stage: Stage): Expected;
  /** Makes the host ready for the next one, where it is not. */
  prepare(stage: Stage): Expected | undefined;
}

let release = 0;
const next = () => String(++release);
const broken = { ...whole, command: programs.exits };
const isBroken = (stage: Stage) => stage.wanted.shop?.spec !== whole;
const install = (stage: Stage): Expected => ({
  revision: stage.commit({ shop: { release: next(), spec: whole } }),
});
const remove = (stage: Stage): Expected => ({ revision: stage.commit({ shop: undefined }) });

const operations = {
  create: { prepare: (stage) => (stage.wanted.shop ? remove(stage) : undefined), begin: install },
  removal: { prepare: (stage) => (stage.wanted.shop ? undefined : install(stage)), begin: remove },
  update: { prepare: (stage) => (stage.wanted.shop ? undefined : install(stage)), begin: install },
  rollback: {
    prepare: (stage) => (isBroken(stage) ? install(stage) : undefined),
    begin: (stage) => ({
      rolledBack: { shop: stage.wanted.shop?.release ?? '' },
      revision: stage.commit({ shop: { release: next(), spec: broken } }),
    }),
  },
} satisfies Readonly<Record<string, Operation>>;

type Name = keyof typeof operations;

/** Two that undo each other, so that the one makes the host ready for the other. */
const cycles: readonly (readonly [Name, Name])[] = [
  ['create', 'removal'],
  ['update', 'rollback'],
];

for (const cycle of cycles)
  faultTest(
    {
      kind: 'SIGKILL at a call',
      name: `a controller killed in ${cycle.join(' and ')}, at any call that changes something, is no loss`,
    },
    async (stage) => killEverywhere(stage, cycle),
  );

interface Point {
  readonly at: number;
  readonly when: Moment;
}

async function killEverywhere(stage: Stage, cycle: readonly Name[]): Promise<void> {
  stage.start();
  await until('the controller answers', () => stage.host.hasSocket);
  await expectHolds(stage, { revision: stage.commit({ api: { release: '0' }, web: { release: '0' } }) });
  await stage.planted.copyLabels('api');
  stage.follow('api', /^api 0$/);
  const points: { readonly name: Name; readonly point: Point; readonly index: number }[] = [];
  for (const name of cycle) {
    const all = await pointsOf(stage, name);
    if (name === 'update') stage.follow('shop', /^shop \d+$/);
    const chosen = isLong ? all : sample(all, 2, seeded(name));
    say(`SIGKILL in ${name}: ${chosen.length} of ${all.length} kill points, seed ${seed}`);
    points.push(...chosen.map((point, index) => ({ name, point, index })));
  }
  // In turn: each finds the host as the other left it.
  points.sort((a, b) => a.index - b.index);
  const missed: Point[] = [];
  for (const { name, point } of points)
    if (!(await killAt(stage, operations[name], point))) missed.push(point);
  // A look more or less may spread the same steps differently: the last calls are then not there.
  if (missed.length > points.length / 10)
    throw new Error(`${missed.length} of ${points.length} kill points were not reached`);
}

/** Every moment of every call that it makes in peace. */
async function pointsOf(stage: Stage, name: Name): Promise<Point[]> {
  const operation: Operation = operations[name];
  const prepared = operation.prepare(stage);
  if (prepared) await expectHolds(stage, prepared);
  const before = stage.ledger.mutations.length;
  await expectHolds(stage, operation.begin(stage));
  const calls = stage.ledger.mutations.length - before;
  return Array.from({ length: calls }, (_, index) => moments.map((when) => ({ at: index + 1, when }))).flat();
}

/** False when the operation was over before. */
async function killAt(stage: Stage, operation: Operation, { at, when }: Point): Promise<boolean> {
  const prepared = operation.prepare(stage);
  if (prepared) await expectHolds(stage, prepared);
  const { controller } = stage;
  const isReached = stage.ledger.breakAt(at, when, () => controller.signal('SIGKILL'));
  const expected = operation.begin(stage);
  await until(
    'it is killed or done',
    async () => {
      if (!controller.isRunning) return true;
      if (isReached()) return false;
      return expectHolds(stage, { ...expected, within: 0 }).then(
        () => true,
        () => false,
      );
    },
    40_000,
  );
  stage.ledger.calm();
  if (isReached()) {
    stage.injected += 1;
    await controller.ended();
    stage.start();
  }
  await expectHolds(stage, expected).catch((error: Error) => {
    error.message = `killed ${when} call ${at}: ${error.message}`;
    throw error;
  });
  return isReached();
}

test.run();
