import { type Schema, text, whole } from './schema.ts';

/** What a token may be allowed; `admin` includes all others but `exec`. */
export const scopes = ['read', 'logs', 'reconcile', 'operate', 'exec', 'admin'] as const;

export type Scope = (typeof scopes)[number];

/** What is counted together against the rate limits; `open` is not counted. */
export type RateKind = 'read' | 'write' | 'webhook' | 'open';

/** One thing that the API does: routes, validation, document and client all follow from this value. */
export interface Operation {
  readonly method: 'GET' | 'POST';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly tag: keyof typeof tags;
  /** One line. */
  readonly summary: string;
  readonly description?: string;
  /** `open`: for everybody; `any`: for every valid token. */
  readonly scope: Scope | 'open' | 'any';
  readonly rate: RateKind;
  /** Only the controller's own socket has it. */
  readonly socketOnly?: true;
  /** Concerns all apps at once, so a token that is limited to some may not. */
  readonly hostWide?: true;
  /** Another part of the server answers it; nothing of it is validated here. */
  readonly elsewhere?: true;
  /** How the audit log calls it; writes have one. */
  readonly verb?: string;
  readonly params?: Readonly<Record<string, Schema>>;
  /** None of them is required. */
  readonly query?: Readonly<Record<string, Schema>>;
  readonly headers?: Readonly<Record<string, Schema>>;
  readonly body?: Schema;
  /** By media type. */
  readonly answer: Readonly<Record<string, Schema>>;
  /** Statuses besides 200 that have the same content. */
  readonly also?: Readonly<Record<number, string>>;
  /** Codes of problems that only this operation has, by status. */
  readonly problems?: Readonly<Record<number, string>>;
}

export const tags = {
  apps: 'Apps: how they stand, and the verbs that start, hold, confirm or pin.',
  history: 'What was: deployments, events, revisions.',
  host: 'What stands on the host.',
  access: 'Who asks, with what, and what they did.',
  webhooks: 'What forges send.',
  server: 'The server itself.',
} as const;

/** In every path that names an app. */
export const appName = {
  name: text('Name of the app.', { minLength: 1, maxLength: 200, examples: ['shop'] }),
} as const;

/** In every list. */
export function paging(usual: number) {
  return {
    limit: whole('At most so many items.', { minimum: 1, maximum: 500, default: usual, examples: [20] }),
    cursor: text('The `next` of the page before.', { minLength: 1, maxLength: 1000 }),
  };
}

const label = { minLength: 1, maxLength: 200 };

/** In every list whose items belong to apps. */
export const appFilters = {
  labels: text('Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.', {
    ...label,
    examples: ['team=web'],
  }),
  project: text('Only of apps of this project.', { ...label, examples: ['outer'] }),
  environment: text('Only of apps of this environment.', { ...label, examples: ['production'] }),
} as const;

export const json = <S extends Schema>(schema: S) => ({ 'application/json': schema });
