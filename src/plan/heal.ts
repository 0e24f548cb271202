import type { AppFile } from '../desired/app.ts';
import { fileDigest } from '../desired/file-digest.ts';
import { containerName } from '../observed/container-name.ts';
import type { Container } from '../observed/observed.ts';
import { sibling } from './address.ts';
import type { FieldChange } from './compare-spec.ts';
import { draftSpec } from './draft.ts';
import { isSpokenFor } from './fill.ts';
import { isPublished } from './release.ts';
import { isRightlyNamed, type Member, type Scene } from './scene.ts';
import { flagOf, routedAddress } from './traffic.ts';
import type { Turn } from './turn.ts';

/** What was changed by hand and can be put right while the container runs. */
export function healInPlace(scene: Scene, member: Member, turn: Turn): void {
  const { container } = member;
  if (container.state === 'paused')
    turn.steps.push({
      kind: 'unpause',
      container: container.id,
      reason: 'it was paused by hand',
      traffic: 'serves again',
    });
  healName(scene, member, turn);
  healAddress(scene, member, turn);
  healLimits(scene, member, turn);
  healNetworks(scene, member, turn);
}

function healName(scene: Scene, { container }: Member, turn: Turn): void {
  if (isRightlyNamed(scene.world, container)) return;
  const name = containerName({ instance: scene.world.settings.instance, ...container });
  if (scene.containers.some((other) => other.name === name)) return;
  turn.steps.push({
    kind: 'rename',
    container: container.id,
    name,
    reason: `it was renamed to ${container.name} by hand`,
    traffic: 'none',
  });
}

/** Cut off from our network: back to a slot that the routes dial for its replica, so that nothing is reloaded. */
function healAddress(scene: Scene, member: Member, turn: Turn): void {
  const { container } = member;
  if (container.live.address !== '' || container.state === 'created') return;
  const address =
    freeDialled(scene, container.replica) ?? scene.slots.takePair(flagOf(scene, container.replica));
  if (address === undefined) return;
  const isKnownWell = member.health?.verdict === 'healthy' || !isSpokenFor(scene);
  const wasVerified = isPublished(container) || (scene.proven && isKnownWell);
  const { network } = scene.world.settings;
  turn.steps.push({
    kind: 'connect',
    container: container.id,
    network,
    address,
    aliases: wasVerified ? [scene.name] : [],
    reason: `it was disconnected from ${network} by hand`,
    traffic: 'serves again',
  });
}

/** The slot that serves goes first; while another container is there, the one beside it. */
function freeDialled(scene: Scene, replica: number): string | undefined {
  const routed = routedAddress(scene, replica);
  if (routed === undefined) return undefined;
  const { slots, name, former } = scene;
  const free = [routed, sibling(routed)].find((one) => slots.isFree(one, [name, former]));
  if (free !== undefined) slots.take(free);
  return free;
}

function healLimits(scene: Scene, { container, changes }: Member, turn: Turn): void {
  if (!scene.target || !changes.some((change) => change.heal === 'update')) return;
  const { memory, nanoCpus, pids } = draftSpec(
    scene,
    scene.target,
    container.replica,
    container.name,
    container.live.address,
  );
  turn.steps.push({
    kind: 'update',
    container: container.id,
    memory,
    nanoCpus,
    pids,
    reason: 'its limits were changed by hand',
    traffic: 'none',
  });
}

function healNetworks(scene: Scene, { container, changes }: Member, turn: Turn): void {
  if (!scene.target || !changes.some((change) => change.heal === 'networks')) return;
  const wanted = [...scene.target.app.container.networks].sort();
  const live = container.live.networks;
  for (const network of wanted.filter((one) => !live.includes(one)))
    turn.steps.push({
      kind: 'connect',
      container: container.id,
      network,
      aliases: [],
      reason: `it was disconnected from ${network} by hand`,
      traffic: 'none',
    });
  for (const network of live.filter((one) => !wanted.includes(one)))
    turn.steps.push({
      kind: 'disconnect',
      container: container.id,
      network,
      reason: `it was connected to ${network} by hand`,
      traffic: 'none',
    });
}

/** Files that may change without a new container: put in place of what is there, with the signal the manifest names. */
export function deliverFiles(scene: Scene, { container, changes }: Member, turn: Turn): void {
  if (container.state === 'removing' || container.state === 'dead') return;
  const files = undelivered(scene, changes).filter((file) => !isDeliveredInVain(scene, container, file));
  if (files.length === 0) return;
  const marks = files.map((file) => [`${container.id} ${file.mount}`, fileDigest(file)]);
  turn.records.push({ kind: 'delivered', files: Object.fromEntries(marks) });
  for (const { signal, ...file } of files)
    turn.steps.push({
      kind: 'deliver',
      container: container.id,
      file,
      ...(signal === undefined || container.state !== 'running' ? {} : { signal }),
      reason: `${file.mount} is not what git says`,
      traffic: 'none',
    });
}

/** Files that differ; what somebody changed by hand is left alone without `selfHeal`. */
function undelivered({ target, memory }: Scene, changes: readonly FieldChange[]) {
  const paths = changes.filter(({ heal }) => heal === 'deliver').map(({ path }) => path);
  const before = new Map(
    (memory.lastHealthy?.app.liveFiles ?? []).map((file) => [file.mount, fileDigest(file)]),
  );
  return (target?.app.liveFiles ?? [])
    .filter(({ mount }) => paths.includes(`spec.files[${mount}]`))
    .filter((file) => target?.app.policy.selfHeal || before.get(file.mount) !== fileDigest(file));
}

/** It was put there, and something in the container writes over it: putting it again would go on for ever. */
export function isDeliveredInVain({ memory }: Scene, { id }: Container, file: AppFile): boolean {
  return memory.delivered?.[`${id} ${file.mount}`] === fileDigest(file);
}
