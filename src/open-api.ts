import type { ControllerPort } from './api/controller-port.ts';
import { type ApiOptions, createApi, createAudit } from './api/create-api.ts';
import { Guard } from './api/guard.ts';
import type { Metrics } from './api/metrics.ts';
import type { OpenStreams } from './api/open-streams.ts';
import type { Answering } from './api/serve.ts';
import { TokenBook } from './api/token-book.ts';
import type { Config, SourceSettings } from './config.ts';
import type { FollowedSource } from './webhooks/concerned-sources.ts';
import { createWebhooks, type WebhookDeps, type WebhookSecrets } from './webhooks/create-webhooks.ts';

export interface ApiParts extends Pick<WebhookDeps, 'redact'> {
  readonly config: Config;
  readonly port: ControllerPort;
  readonly webhooks: WebhookSecrets;
  readonly metrics: Metrics;
  readonly streams: OpenStreams;
}

/** What answers on the socket and by TCP. */
export interface OpenApi {
  readonly socket: Answering;
  readonly tcp: Answering;
  /** What is still to be written is written. */
  flush(): void;
}

/** Both servers of a controller, with everything that they share. Loaded with the first request. */
export function openApi({ config, port, webhooks, metrics, streams, redact }: ApiParts): OpenApi {
  const { history, loop, log } = port;
  const tokens = new TokenBook(history.tokens, config.api.tokens, Date.now);
  const audit = createAudit(port);
  // Servers of other rooms, such as that of webhooks, are parts of both.
  const hooks = createWebhooks({
    webhooks,
    deliveries: history.deliveries,
    sources: () => config.sources.map(followedSource),
    trigger: async (names) => {
      const { look, world, sourceError } = await loop.lookNow(`webhook: ${names.join(', ')}`);
      return { look, revision: world?.desired.revision, error: sourceError?.message };
    },
    now: Date.now,
    address: (c) => c.get('facts').address,
    requestId: (c) => c.get('facts').requestId,
    // A wrong signature is counted with the other refusals of its address.
    audit: ({ outcome, provider, delivery, detail, ...entry }) => {
      if (outcome === 'refused') return;
      audit.add({
        ...entry,
        actor: `webhook:${provider}`,
        via: 'tcp',
        verb: 'webhook',
        object: delivery,
        outcome: outcome === 'invalid' ? 'failed' : 'done',
        detail: `${outcome} ${detail}`.trim(),
      });
    },
    counted: (provider, outcome) => metrics.webhook(provider, outcome),
    ...(redact && { redact }),
    ...(log && { log }),
  });
  const shared: ApiOptions = { tokens, audit, streams, metrics, parts: [hooks] };
  const guard = new Guard(config.api, tokens, Date.now);
  return {
    socket: createApi(port, shared),
    tcp: createApi(port, { ...shared, guard }),
    flush: () => audit.flush(),
  };
}

/** What a push is matched with. */
function followedSource({ name, url, dir, tag, semver, commit, branch }: SourceSettings): FollowedSource {
  const chosen = { tag, semver, commit, branch: branch ?? (url === undefined ? undefined : 'main') };
  const [first] = Object.entries(chosen).filter(([, value]) => value !== undefined);
  return { name, address: url ?? dir ?? '', follows: first === undefined ? {} : Object.fromEntries([first]) };
}
