/** RFC 3339 of milliseconds since the epoch; null for never. */
export function timeText(milliseconds: number): string;
export function timeText(milliseconds: number | undefined): string | null;
export function timeText(milliseconds: number | undefined): string | null {
  return milliseconds === undefined || milliseconds === 0 ? null : new Date(milliseconds).toISOString();
}
