import type { Findings } from './assess.ts';
import { imageGone, isImageGone } from './gate.ts';
import { isDeliveredInVain } from './heal.ts';
import type { AppPlan, Condition } from './plan.ts';
import { crashLoopUntil } from './restart.ts';
import { isStalled, type Member, type Scene } from './scene.ts';

interface Facts extends Findings {
  readonly sync: AppPlan['sync'];
  readonly health: AppPlan['health'];
  readonly error: string | undefined;
}

type Said = readonly [reason: string, message: string] | undefined;

/** Why an app is not ready, the most telling first. */
const unreadyReasons: readonly ((facts: Facts) => Said)[] = [
  ({ scene }) => unreadable(scene),
  ({ error }) => (error !== undefined ? ['InvalidManifest', error] : undefined),
  ({ scene }) =>
    scene.world.desired.invalid.includes(scene.name)
      ? ['InvalidManifest', 'its manifest is invalid']
      : undefined,
  (facts) => (facts.suspended ? ['Suspended', suspension(facts)] : undefined),
  (facts) => stall(facts),
  ({ failure }) => failure && [failure.reason, failure.message],
  ({ scene }) =>
    scene.quarantined && scene.memory.quarantine
      ? ['Quarantined', `${scene.memory.quarantine.reason}: ${scene.memory.quarantine.message}`]
      : undefined,
  ({ scene }) =>
    scene.target?.from === 'pin'
      ? [
          'Pinned',
          `pinned by ${scene.memory.pin?.actor ?? 'an operator'}; plimsoll resume ${scene.name} follows git again`,
        ]
      : undefined,
  ({ scene }) =>
    crashLoopUntil(scene) !== undefined ? ['CrashLoop', 'five restarts in ten minutes'] : undefined,
  missingImage,
  ({ scene }) => scene.memory.failure && [scene.memory.failure.reason, scene.memory.failure.message],
  ({ blocker }) => blocker && [blocker.reason, blocker.message],
  ({ health }) =>
    health === 'Degraded' || health === 'Missing'
      ? ['NotHealthy', 'not every replica is healthy']
      : undefined,
  ({ scene, sync }) =>
    sync === 'Unknown'
      ? ['ProxyUnreachable', scene.world.observed.proxy.message ?? 'Caddy does not answer']
      : undefined,
  ({ health, sync }) =>
    health === 'Progressing' || health === 'Unknown' || sync === 'OutOfSync'
      ? ['Progressing', 'not there yet']
      : undefined,
];

export function conditionsOf(facts: Facts): Condition[] {
  const said = unreadyReasons.map((reason) => reason(facts)).find((one) => one !== undefined);
  const ready = said
    ? condition('Ready', 'False', said)
    : condition('Ready', 'True', ['Reconciled', 'as git wants it, and healthy']);
  return [ready, healthy(facts), ...telling(facts)];
}

function condition(
  type: Condition['type'],
  status: Condition['status'],
  [reason, message]: NonNullable<Said>,
): Condition {
  return { type, status, reason, message };
}

function healthy({ health, scene }: Facts): Condition {
  const status = health === 'Unknown' ? 'Unknown' : health === 'Healthy' ? 'True' : 'False';
  const ready = scene.replicas.filter(({ current }) => current?.standing === 'current').length;
  return condition('Healthy', status, [health, `${ready} of ${scene.replicas.length} replicas are ready`]);
}

/** Conditions that are only there when they say something. */
function telling(facts: Facts): Condition[] {
  const { scene, turn, blocker, differences } = facts;
  const { quarantine, lastOperation } = scene.memory;
  const stalled = stall(facts);
  const drift = differences
    .filter((difference) => difference.cause === 'drift')
    .map((difference) => difference.path);
  const rolledBack = scene.quarantined && lastOperation?.result === 'RolledBack';
  const busy = turn.steps.length > 0 || turn.phases.size > 0;
  return [
    ...(busy
      ? [condition('Reconciling', 'True', ['Progressing', turn.steps[0]?.reason ?? 'waits for the world'])]
      : []),
    ...(stalled ? [condition('Stalled', 'True', stalled)] : []),
    ...(facts.suspended ? [condition('Suspended', 'True', ['Suspended', suspension(facts)])] : []),
    ...(rolledBack && quarantine
      ? [condition('RolledBack', 'True', [quarantine.reason, quarantine.message])]
      : []),
    ...(scene.quarantined && quarantine
      ? [
          condition('Quarantined', 'True', [
            quarantine.reason,
            `not tried again until git wants another release, or: plimsoll reconcile ${scene.name} --retry`,
          ]),
        ]
      : []),
    ...(drift.length > 0 ? [condition('Drifted', 'True', ['ChangedByHand', drift.join(', ')])] : []),
    ...(blocker?.type === 'WindowBlocked'
      ? [condition('WindowBlocked', 'True', [blocker.reason, blocker.message])]
      : []),
  ];
}

function suspension({ scene }: Facts): string {
  const { suspended } = scene.memory;
  if (!suspended) return 'the manifest says suspend: true';
  return `by ${suspended.actor}: ${suspended.reason}`;
}

/** The same replacement would come round again and again, or a failed release is kept for a person to look at. */
function stall({ scene }: Facts): Said {
  const members = scene.replicas.flatMap(({ current }) => current ?? []);
  const stuck = members.find((member: Member) => isStalled(scene, member.changes, member.container));
  if (stuck) {
    const fields = stuck.changes
      .map(({ path, live, desired }) => `${path} is ${live} and should be ${desired}`)
      .join('; ');
    return [
      'WouldChangeTwice',
      `a new container of spec hash ${stuck.container.specHash.slice(0, 12)} shows the same difference again: ${fields}`,
    ];
  }
  const overwritten = members.flatMap(({ container, changes }) =>
    (scene.target?.app.liveFiles ?? [])
      .filter(({ mount }) => changes.some(({ path }) => path === `spec.files[${mount}]`))
      .filter((file) => isDeliveredInVain(scene, container, file))
      .map(({ mount }) => mount),
  );
  const underway = scene.world.observed.underway[scene.name] !== undefined;
  if (overwritten.length > 0 && !underway)
    return [
      'WouldChangeTwice',
      `${overwritten.join(', ')} was delivered and is different again: something in the container writes over it`,
    ];
  const paused = scene.quarantined && scene.wanted?.app.deploy.onFailure === 'pause';
  return paused
    ? [
        'Paused',
        `onFailure: pause keeps the failed release to look at: ${scene.memory.quarantine?.message ?? ''}`,
      ]
    : undefined;
}

function unreadable({ unread }: Scene): Said {
  if (unread.length === 0) return undefined;
  const why = unread.map(({ name, message }) => `${name} cannot be read: ${message}`).join('; ');
  return ['ContainerUnreadable', why];
}

function missingImage({ scene }: Facts): Said {
  const { target, world } = scene;
  if (!target || (target.imageId !== undefined && world.observed.images[target.imageId])) return undefined;
  if (isImageGone(scene) && scene.replicas.some(({ current }) => !current))
    return ['ImageGone', imageGone(scene)];
  const { image } = target.app.container;
  if (target.app.pull !== 'never' || world.observed.images[image]) return undefined;
  return ['ImageMissing', `pull: never, and ${image} is not on this host`];
}
