import type { Decision, OperationPhase, Step } from './plan.ts';

/** What one app does in this look, as it is being written down. */
export class Turn {
  readonly steps: Step[] = [];
  readonly records: Decision[] = [];
  /** Phases that some replica is in; the earliest one names the deployment's. */
  readonly phases = new Set<OperationPhase>();
  #wakeAt: number | undefined;

  get wakeAt(): number | undefined {
    return this.#wakeAt;
  }

  /** Look again then, milliseconds since the epoch; the earliest counts. */
  wake(at: number): void {
    this.#wakeAt = Math.min(at, this.#wakeAt ?? at);
  }
}
