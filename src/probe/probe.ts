import type { ProbePort } from '../apply/ports.ts';
import type { Health } from '../observed/observed.ts';
import type { ProbeTarget } from '../plan/plan.ts';
import type { Exec } from './attempt.ts';
import { TargetProbe } from './target-probe.ts';
import { createTurns } from './turns.ts';

export interface ProbeOptions {
  /** Runs a health command inside a container; false when it does not end in time. */
  readonly exec: Exec;
  /** Milliseconds since the epoch; the clock when absent. */
  readonly now?: () => number;
  /** Takes secrets out of what apps answer. */
  readonly redact?: (text: string) => string;
}

/** One attempt that is over. */
export interface ProbeResult {
  readonly app: string;
  readonly ok: boolean;
  readonly milliseconds: number;
}

/** The probe port, and what counts attempts. */
export interface Probes extends ProbePort {
  /** Called with every attempt that found something out; returns the unsubscribe. */
  onAttempt(listener: (result: ProbeResult) => void): () => void;
}

/** Probes from outside the containers: each target has a timer of its own, and attempts never overlap. */
export function createProbe(options: ProbeOptions): Probes {
  return new Probe(options);
}

class Probe implements Probes {
  readonly #probes = new Map<string, TargetProbe>();
  readonly #listeners = new Set<(container: string) => void>();
  readonly #counters = new Set<(result: ProbeResult) => void>();
  readonly #options: ProbeOptions;
  readonly #turns = createTurns();

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  setTargets(targets: readonly ProbeTarget[]): void {
    // Where the image's own HEALTHCHECK decides, the engine does the probing.
    const wanted = new Map(targets.filter(({ image }) => !image).map((target) => [target.container, target]));
    for (const [container, probe] of this.#probes) {
      if (wanted.get(container)?.startedAt !== probe.startedAt) this.#forget(container, probe);
    }
    for (const [container, target] of wanted) {
      const probe = this.#probes.get(container);
      if (probe === undefined) this.#probes.set(container, this.#begin(target));
      else probe.update(target);
    }
  }

  health(): Readonly<Record<string, Health>> {
    const known = [...this.#probes].flatMap(([container, { health }]) =>
      health === undefined ? [] : [[container, health] as const],
    );
    return Object.fromEntries(known);
  }

  onChange(listener: (container: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onAttempt(listener: (result: ProbeResult) => void): () => void {
    this.#counters.add(listener);
    return () => this.#counters.delete(listener);
  }

  close(): void {
    this.setTargets([]);
    this.#listeners.clear();
    this.#counters.clear();
  }

  #begin(target: ProbeTarget): TargetProbe {
    const { exec, now = Date.now, redact = (text) => text } = this.#options;
    return new TargetProbe(target, {
      exec,
      turns: this.#turns,
      now,
      redact,
      onVerdict: (container) => this.#tell(container),
      onAttempt: (result) => {
        for (const counter of this.#counters) counter(result);
      },
    });
  }

  #forget(container: string, probe: TargetProbe): void {
    probe.close();
    this.#probes.delete(container);
  }

  #tell(container: string): void {
    for (const listener of this.#listeners) listener(container);
  }
}
