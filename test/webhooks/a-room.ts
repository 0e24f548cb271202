import type { Hono } from 'hono';
import { type History, openHistory } from '../../src/history/history.ts';
import type { FollowedSource } from '../../src/webhooks/concerned-sources.ts';
import {
  createWebhooks,
  type WebhookAudit,
  type WebhookDeps,
  type WebhookSecrets,
} from '../../src/webhooks/create-webhooks.ts';
import { secrets } from './signing.ts';

/** What a push may concern: one source of each kind. */
export const sources: readonly FollowedSource[] = [
  { name: 'main', address: 'https://git.example.com/acme/config.git', follows: { branch: 'main' } },
  { name: 'tagged', address: 'git@git.example.com:acme/tagged.git', follows: { tag: 'stable' } },
  { name: 'ranged', address: 'ssh://git@git.example.com:2222/acme/ranged.git', follows: { semver: '^1' } },
  { name: 'pinned', address: 'https://git.example.com/acme/pinned', follows: { commit: 'a'.repeat(40) } },
  { name: 'cloud', address: 'git@bitbucket.org:acme/config.git', follows: { branch: 'main' } },
  { name: 'server', address: 'https://bits.example.com/scm/ops/config.git', follows: { branch: 'main' } },
  { name: 'folder', address: '/srv/config', follows: {} },
];

export const webhooks: WebhookSecrets = {
  github: { secrets: [secrets.githubOld, secrets.github] },
  gitlab: { secrets: [secrets.gitlab, secrets.gitlabSigning] },
  gitea: { secrets: [secrets.gitea] },
  forgejo: { secrets: [secrets.forgejo] },
  bitbucket: { secrets: ['another', secrets.bitbucket] },
  generic: { secrets: [secrets.generic], header: 'X-Our-Signature' },
};

/** The endpoints with a history of their own, and a loop that looks when it is told to. */
export interface Room {
  readonly hooks: Hono;
  readonly history: History;
  /** The sources of each look that was asked for. */
  readonly asked: (readonly string[])[];
  readonly audited: WebhookAudit[];
  readonly warnings: string[];
  /** What `now` says. */
  readonly clock: { time: number };
  /** Ends the look that is under way. */
  finishLook(result?: { readonly revision?: string; readonly error?: string }): Promise<void>;
}

export function createRoom(over: Partial<WebhookDeps> = {}, path = ':memory:'): Room {
  const asked: (readonly string[])[] = [];
  const ends: ((result: {
    readonly look: number;
    readonly revision?: string;
    readonly error?: string;
  }) => void)[] = [];
  const audited: WebhookAudit[] = [];
  const warnings: string[] = [];
  const clock = { time: 1_700_000_000_000 };
  const history = openHistory({ path, now: () => clock.time });
  let look = 0;
  const deps: WebhookDeps = {
    webhooks,
    deliveries: history.deliveries,
    sources: () => sources,
    trigger: (names) => {
      asked.push(names);
      const { promise, resolve } = Promise.withResolvers<Parameters<(typeof ends)[number]>[0]>();
      ends.push(resolve);
      return promise;
    },
    now: () => clock.time,
    audit: (entry) => void audited.push(entry),
    log: { warn: (_fields, message) => void warnings.push(message) },
    ...over,
  };
  const room: Room = {
    hooks: createWebhooks(deps),
    history,
    asked,
    audited,
    warnings,
    clock,
    async finishLook(result = {}) {
      look += 1;
      ends.shift()?.({ look, ...result });
      // The result is handed on in the microtasks after it.
      await new Promise((done) => setImmediate(done));
    },
  };
  return room;
}
