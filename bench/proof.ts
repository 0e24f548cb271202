import type { Check } from './check.ts';
import type { Figure } from './workbench.ts';

/** What one proof's own run said; kept as JSON, so that a page can be made of it. */
export interface Proof {
  readonly name: string;
  /** As a person types it, to repeat this run alone. */
  readonly command: string;
  readonly form: 'long' | 'short';
  /** Of the project, as `git describe` tells it. */
  readonly commit: string;
  /** When it began, and how busy the machine was then: the load of the minute before. */
  readonly at: string;
  readonly load: number;
  readonly seconds: number;
  readonly checks: readonly Check[];
  readonly figures: readonly PartFigures[];
  /** What must not be: each is one sentence. */
  readonly faults: readonly string[];
}

export interface PartFigures {
  readonly part: string;
  readonly figures: readonly Figure[];
}
