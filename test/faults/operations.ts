import { until } from '../caddy/real-caddy.ts';
import { programs } from '../e2e/host.ts';
import { type Call, type Fault, type Moment, moments } from './fault-socket.ts';
import { isAll, isLong, say } from './fault-test.ts';
import { type Expected, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { type Stage, whole } from './stage.ts';

/** What is done to the shop of a host that is converged, and what is to come of it. */
export interface Operation {
  /** Does it; what is to hold afterwards. */
  begin(stage: Stage): Expected;
  /** Makes the host ready for it, where it is not. */
  prepare(stage: Stage): Expected | undefined;
}

let release = 0;
export const nextRelease = () => String(++release);

const broken = { ...whole, command: programs.exits };
const isBroken = (stage: Stage) => stage.wanted.shop?.spec !== whole;
const install = (stage: Stage): Expected => ({
  revision: stage.commit({ shop: { release: nextRelease(), spec: whole } }),
});
const remove = (stage: Stage): Expected => ({ revision: stage.commit({ shop: undefined }) });

export const operations = {
  create: { prepare: (stage) => (stage.wanted.shop ? remove(stage) : undefined), begin: install },
  removal: { prepare: (stage) => (stage.wanted.shop ? undefined : install(stage)), begin: remove },
  update: { prepare: (stage) => (stage.wanted.shop ? undefined : install(stage)), begin: install },
  rollback: {
    prepare: (stage) => (isBroken(stage) ? install(stage) : undefined),
    begin: (stage) => ({
      rolledBack: { shop: stage.wanted.shop?.release ?? '' },
      revision: stage.commit({ shop: { release: nextRelease(), spec: broken } }),
    }),
  },
} satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof operations;

/** Two that undo each other, so that the one makes the host ready for the other. */
export const cycles: readonly (readonly OperationName[])[] = [
  ['create', 'removal'],
  ['update', 'rollback'],
];

/** A moment of one of the calls that an operation makes. */
export interface Point {
  readonly name: OperationName;
  readonly at: number;
  readonly when: Moment;
}

interface Everywhere {
  readonly cycle: readonly OperationName[];
  /** What is told of it. */
  readonly what: string;
  /** Of each operation in the short form. */
  readonly few: number;
  /** Of each operation in the long form; every call when absent. */
  readonly most?: number;
  readonly when?: readonly Moment[];
  readonly strike: (point: Point) => Promise<boolean>;
}

/** Strikes at every call of these operations at a moment by chance, or at all points, or at a few in the short form. */
export async function strikeEverywhere(
  stage: Stage,
  { cycle, what, few, most, when = moments, strike }: Everywhere,
): Promise<void> {
  const points: (Point & { readonly index: number })[] = [];
  for (const name of cycle) {
    const calls = await callsOf(stage, name);
    if (name === 'update') stage.follow('shop', /^shop \d+$/);
    const all = Array.from({ length: calls }, (_, index) =>
      when.map((one): Point => ({ name, at: index + 1, when: one })),
    ).flat();
    const random = seeded(`${what} ${name}`);
    const one = (call: number) => call * when.length + Math.floor(random() * when.length);
    const ofEach = Array.from({ length: calls }, (_, call) => all[one(call)] ?? []).flat();
    const many = most === undefined ? ofEach : sample(ofEach, most, random);
    const chosen = isAll ? all : isLong ? many : sample(all, few, random);
    say(`${what} in ${name}: ${chosen.length} of ${all.length} points, seed ${seed}`);
    points.push(...chosen.map((point, index) => ({ ...point, index })));
  }
  // In turn: each finds the host as the other left it.
  points.sort((a, b) => a.index - b.index);
  let missed = 0;
  for (const point of points) {
    const isReached = await strike(point).catch((error: Error) => {
      error.message = `${what} ${point.when} call ${point.at} of ${point.name}: ${error.message}`;
      throw error;
    });
    if (!isReached) missed += 1;
  }
  // A look more or less may spread the same steps differently: the last calls are then not there.
  if (missed > Math.ceil(points.length / 4))
    throw new Error(`${missed} of ${points.length} points were not reached`);
}

/** How many calls change something when it is done in peace. */
async function callsOf(stage: Stage, name: OperationName): Promise<number> {
  const operation: Operation = operations[name];
  await ready(stage, operation);
  const before = stage.ledger.mutations.length;
  await expectHolds(stage, operation.begin(stage));
  return stage.ledger.mutations.length - before;
}

async function ready(stage: Stage, operation: Operation): Promise<void> {
  const prepared = operation.prepare(stage);
  if (prepared) await expectHolds(stage, prepared);
}

/** Does it and strikes at one of its calls; answers what is to hold, and whether it came to that call. */
export async function strikeAt(
  stage: Stage,
  { name, at }: Pick<Point, 'name' | 'at'>,
  strike: (call: Call) => Fault | undefined,
): Promise<{ readonly expected: Expected; readonly isReached: boolean }> {
  const operation: Operation = operations[name];
  await ready(stage, operation);
  const struck = Promise.withResolvers<true>();
  const isReached = stage.ledger.strikeAt(at, (call) => {
    struck.resolve(true);
    return strike(call);
  });
  const expected = operation.begin(stage);
  // A controller that was just stopped answers nobody: who asks it whether it is done would wait with it.
  await until('the call is made, or it is done without', () =>
    Promise.race([struck.promise, isDone(stage, expected)]),
  );
  if (isReached()) stage.injected += 1;
  return { expected, isReached: isReached() };
}

/** Everything holds already. */
export function isDone(stage: Stage, expected: Expected): Promise<boolean> {
  return expectHolds(stage, { ...expected, within: 0 }).then(
    () => true,
    () => false,
  );
}
