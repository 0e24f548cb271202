import type { Step } from './plan.ts';

/** One line for people: the verb and its object. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'create-network':
      return `create network ${step.network} (${step.subnet})`;
    case 'load-routes':
      return `load ${step.routes.length} routes into Caddy`;
    case 'pull':
      return `pull ${step.image}`;
    case 'create-volume':
    case 'remove-volume':
      return `${step.kind === 'create-volume' ? 'create' : 'remove'} volume ${step.volume}`;
    case 'create':
      return `create ${step.spec.name} at ${step.spec.address}${named(step.spec.aliases)}`;
    case 'switch':
      return `switch ${step.app} replica ${step.replica} to its ${step.flagged ? 'second' : 'first'} slot`;
    case 'publish':
      return `publish ${short(step.container)}${named(step.aliases)}`;
    case 'connect':
      return `connect ${short(step.container)} to ${step.network}`;
    case 'disconnect':
      return `disconnect ${short(step.container)} from ${step.network}`;
    case 'rename':
      return `rename ${short(step.container)} to ${step.name}`;
    case 'deliver':
      return `deliver ${step.file.mount} to ${short(step.container)}${step.signal === undefined ? '' : ` and send ${step.signal}`}`;
    case 'update':
      return `update the limits of ${short(step.container)}`;
    case 'start':
    case 'restart':
    case 'stop':
    case 'remove':
    case 'unpause':
      return `${step.kind} ${short(step.container)}`;
    default:
      return step satisfies never;
  }
}

/** Ids are shown as docker shows them. */
function short(container: string): string {
  return /^[0-9a-f]{64}$/.test(container) ? container.slice(0, 12) : container;
}

function named(aliases: readonly string[]): string {
  return aliases.length === 0 ? '' : ` as ${aliases.join(', ')}`;
}
