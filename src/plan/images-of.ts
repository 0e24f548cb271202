import type { App } from '../desired/app.ts';
import type { Desired } from '../desired/desired.ts';
import type { Memory } from '../observed/memory.ts';

/**
 * The images that a decision may ask about: by reference what git wants, and by id those of releases that may
 * have to come back, since their tags may have moved.
 */
export function imagesOf({ apps }: Desired, memory: Memory<App>): string[] {
  const held = Object.values(memory.apps).flatMap(({ lastHealthy, pin }) => [lastHealthy, pin]);
  return [...apps.map((app) => app.container.image), ...held.flatMap((release) => release?.imageId ?? [])];
}
