import { parseSelector } from '../desired/selector.ts';
import { type Scope, scopes } from './operation.ts';

/** Who asks, and what they may. */
export interface Caller {
  /** As the audit log calls them. */
  readonly actor: string;
  readonly via: 'socket' | 'tcp';
  /** Empty on the socket. */
  readonly address: string;
  readonly scopes: readonly Scope[];
  /** Only these apps exist for them; all when absent. */
  readonly limit?: Limit;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}

export interface Limit {
  readonly project?: string;
  readonly selector?: string;
}

/** What is known of an app that says whether somebody may see it. */
export interface Marks {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly project: string | null;
  readonly environment: string | null;
}

export const allScopes: readonly Scope[] = scopes;

/** `admin` includes all but `exec`. */
export function mayDo(caller: Pick<Caller, 'scopes'>, scope: Scope): boolean {
  return caller.scopes.includes(scope) || (scope !== 'exec' && caller.scopes.includes('admin'));
}

/** A selector that cannot be read lets nothing through. */
export function isWithin({ project, selector }: Limit, app: Marks): boolean {
  if (project !== undefined && app.project !== project) return false;
  return selector === undefined || parseSelector(selector)?.(app.labels) === true;
}
