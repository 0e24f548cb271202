/** How often a property is tried: as it is told here, or more often where PROPERTY_RUNS says so. */
export function runs(usual: number): number {
  return Math.max(usual, Number(process.env.PROPERTY_RUNS ?? 0));
}
