import type { Step } from '../plan/plan.ts';
import { EdgeError, type EnginePort, type JournalPort, type Outcome, type ProxyPort } from './ports.ts';

export interface Edges {
  readonly engine: EnginePort;
  readonly proxy: ProxyPort;
  readonly journal: JournalPort;
}

export interface Turn {
  /** `''` for what concerns the host. */
  readonly app: string;
  readonly steps: readonly Step[];
  readonly deployment: string | undefined;
  readonly signal: AbortSignal;
  /** Before each step, and with every line of a pull. */
  readonly progress: (step: Step, line?: string) => void;
}

/** How a turn ended: at its last step, or at the first that did not succeed. */
export interface TurnResult {
  readonly outcome: Outcome;
  readonly failed?: Step;
}

/** Walks the steps in order and ends at the first that fails; decides nothing, undoes nothing. */
export async function runSteps(edges: Edges, turn: Turn): Promise<TurnResult> {
  for (const step of turn.steps) {
    if (turn.signal.aborted) return { outcome: { kind: 'cancelled' }, failed: step };
    turn.progress(step);
    const outcome = await journaled(edges, turn, step);
    if (outcome.kind !== 'ok') return { outcome, failed: step };
  }
  return { outcome: { kind: 'ok' } };
}

/** The intent row stands before the call, so that a crash in between is explained. */
async function journaled(edges: Edges, turn: Turn, step: Step): Promise<Outcome> {
  const id = edges.journal.begin(turn.app, step, turn.deployment);
  const begun = performance.now();
  const end = (outcome: Outcome) => edges.journal.end(id, outcome, Math.round(performance.now() - begun));
  try {
    const outcome = await attempt(edges, turn, step);
    end(outcome);
    return outcome;
  } catch (error) {
    // What no edge explains is a bug of ours; the step is over all the same.
    const message = 'a bug of ours; see the log';
    if (!(error instanceof EdgeError)) end({ kind: 'transient', reason: 'InternalError', message });
    throw error;
  }
}

async function attempt(edges: Edges, turn: Turn, step: Step): Promise<Outcome> {
  try {
    await perform(edges, turn, step);
    return { kind: 'ok' };
  } catch (error) {
    if (turn.signal.aborted) return { kind: 'cancelled' };
    if (error instanceof EdgeError) return toOutcome(error);
    throw error;
  }
}

function toOutcome({ kind, reason, message, retryAfter }: EdgeError): Outcome {
  return { kind, reason, message, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

function perform({ engine, proxy }: Edges, { signal, progress }: Turn, step: Step): Promise<void> {
  switch (step.kind) {
    case 'create-network':
      return engine.createNetwork(step.network, step.subnet);
    case 'load-routes':
      return proxy.load(step.routes);
    case 'switch':
      return proxy.switch(step.app, step.replica, step.flagged);
    case 'pull':
      return engine.pull(step.image, signal, (line) => progress(step, line), step.login);
    case 'create-volume':
      return engine.createVolume(step.volume, step.app);
    case 'remove-volume':
      return engine.removeVolume(step.volume);
    case 'create':
      return engine.createContainer(step.spec, step.files, step.imageHealthCheck);
    case 'start':
      return engine.start(step.container);
    case 'restart':
      return engine.restart(step.container, step.grace);
    case 'stop':
      return engine.stop(step.container, step.grace);
    case 'remove':
      return engine.remove(step.container);
    case 'unpause':
      return engine.unpause(step.container);
    case 'deliver':
      return engine.deliver(step.container, step.file, step.signal);
    case 'rename':
      return engine.rename(step.container, step.name);
    case 'publish':
      return engine.publish(step.container, step.address, step.aliases);
    case 'connect':
      return engine.connect(step.container, step.network, step.address, step.aliases);
    case 'disconnect':
      return engine.disconnect(step.container, step.network);
    case 'update':
      return engine.update(step.container, step);
    default:
      return step satisfies never;
  }
}
