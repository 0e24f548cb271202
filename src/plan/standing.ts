import type { Container, Health } from '../observed/observed.ts';
import { isPublished } from './release.ts';

/** What a container is to us. */
export type Standing =
  | 'gone'
  | 'surplus'
  | 'stale'
  | 'unstarted'
  | 'paused'
  | 'broken'
  | 'finished'
  | 'settling'
  | 'sick'
  | 'current';

/** What a container's standing is told from. */
export interface Subject {
  readonly container: Container;
  /** Its spec hash and image are the target's. */
  readonly ofTarget: boolean;
  /** A field that only a new container can mend differs. */
  readonly drifted: boolean;
  /** A person wants it replaced by another one of its release. */
  readonly asked: boolean;
  /** Its replica number is wanted, and it is the best container for it. */
  readonly chosen: boolean;
  readonly health: Health | undefined;
  readonly restart: 'always' | 'on-failure' | 'never';
  /** It is to serve, and has not begun to: see `isAwaited`. */
  readonly awaited: boolean;
  /** Requests are meant for it: see `isMeant`. */
  readonly isMeant: boolean;
}

type Row = readonly [standing: Standing, reason: string, holds: (subject: Subject) => boolean];

/** First match wins. */
const rows: readonly Row[] = [
  ['gone', 'it is being removed', ({ container }) => container.state === 'removing'],
  ['stale', 'it is of another release', (subject) => !subject.ofTarget],
  ['stale', 'it was changed by hand', (subject) => subject.drifted],
  ['stale', 'a restart was asked for', (subject) => subject.asked],
  ['surplus', 'its replica is not wanted', (subject) => !subject.chosen],
  ['unstarted', 'it was never started', ({ container }) => container.state === 'created'],
  ['paused', 'it is paused', ({ container }) => container.state === 'paused'],
  ['finished', 'it has done its work', isFinished],
  [
    'broken',
    'it does not run',
    ({ container }) => container.state === 'exited' || container.state === 'dead',
  ],
  ['settling', 'it has not passed its gate yet', ({ container }) => !isPublished(container)],
  ['sick', 'it is unhealthy', ({ health }) => health?.verdict === 'unhealthy'],
  [
    'settling',
    'nothing goes to it, and it was not seen healthy yet',
    ({ isMeant, health }) => !isMeant && health?.verdict !== 'healthy',
  ],
];

export function standingOf(subject: Subject): { readonly standing: Standing; readonly reason: string } {
  const row = rows.find(([, , holds]) => holds(subject));
  return row
    ? { standing: row[0], reason: row[1] }
    : { standing: 'current', reason: 'it is as git wants it' };
}

/** Ended, and by its restart policy not to be started again. What is awaited has done nothing yet. */
export function isFinished({
  container,
  restart,
  awaited,
}: Pick<Subject, 'container' | 'restart' | 'awaited'>): boolean {
  if (container.state !== 'exited' || container.startedAt === 0 || awaited) return false;
  return restart === 'never' || (restart === 'on-failure' && container.exitCode === 0);
}
