/** Something that was tried, and held each time, or did not. */
export interface Check {
  readonly name: string;
  readonly tried: number;
  readonly held: number;
  /** What is counted: `faults`, `tests`. */
  readonly of: string;
  readonly seeds?: string;
}

export function holds({ tried, held }: Check): boolean {
  return tried > 0 && held === tried;
}
