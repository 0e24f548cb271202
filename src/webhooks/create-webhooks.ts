import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { ProblemError, problemOf } from '../api/problem.ts';
import { escapeText, shorten } from '../desired/shown-text.ts';
import type { DeliveryLog, DeliveryOutcome, LookResult, NewDelivery } from '../history/delivery-log.ts';
import { bitbucket } from './bitbucket.ts';
import { concernedSources, type FollowedSource } from './concerned-sources.ts';
import { type Described, describeDelivery } from './describe-delivery.ts';
import {
  type Announcement,
  type Forge,
  type Provider,
  providers,
  type RawRequest,
  type Verdict,
  type Verify,
} from './forge.ts';
import { generic } from './generic.ts';
import { forgejo, gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { LookCaller, type TriggerLook } from './look-caller.ts';
import { readRawBody } from './read-raw-body.ts';
import { remoteAddress } from './remote-address.ts';

/** Secrets in plain text; a forge without any has no endpoint. `header` is the generic one's. */
export type WebhookSecrets = {
  readonly [P in Provider]?: { readonly secrets: readonly string[]; readonly header?: string };
};

export interface WebhookDeps {
  readonly webhooks: WebhookSecrets;
  readonly deliveries: DeliveryLog;
  /** The sources as they are followed now. */
  sources(): readonly FollowedSource[];
  /** Says "look": these sources are asked for news. At most one call is under way. */
  readonly trigger: TriggerLook;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Who asks; the other end of the connection when absent. */
  address?(c: Context): string;
  /** What a problem document calls the request. */
  requestId?(c: Context): string;
  /** Called with every request to an endpoint that is there: refused ones may be a flood. */
  audit?(entry: WebhookAudit): void;
  /** Called with every request to an endpoint that is there, for counting. */
  counted?(provider: Provider, outcome: WebhookStatus | 'refused' | 'invalid'): void;
  /** Removes secrets from what is stored and answered. */
  redact?(text: string): string;
  readonly log?: { warn(fields: Record<string, unknown>, message: string): void };
}

export type WebhookStatus = 'accepted' | 'ignored' | 'duplicate';

export interface WebhookAudit {
  readonly at: number;
  readonly provider: Provider;
  readonly address: string;
  /** Id of the request. */
  readonly request: string;
  /** What the forge calls the delivery; empty for a refusal. */
  readonly delivery: string;
  readonly outcome: DeliveryOutcome | 'duplicate';
  readonly detail: string;
}

const mostBytes = 1024 * 1024;

/**
 * `POST /webhooks/PROVIDER`. The bytes are verified before anything is made of them; what a webhook can do is to say
 * "look now". It is answered at once, and what came of it is written to the list of deliveries.
 */
export function createWebhooks(deps: WebhookDeps): Hono {
  const hooks = new Hono();
  const room = createRoom(deps);
  hooks.all('/webhooks/:provider', async (c) => {
    const endpoint = room.endpoints.get(c.req.param('provider'));
    if (endpoint === undefined) {
      const problem = new ProblemError(404, 'UnknownPath', 'there is no such webhook endpoint');
      return refuse(c, problem, requestIdOf(c, deps));
    }
    if (c.req.method !== 'POST') {
      c.header('allow', 'POST');
      const problem = new ProblemError(405, 'MethodNotAllowed', 'webhooks are sent by POST');
      return refuse(c, problem, requestIdOf(c, deps));
    }
    return receive(c, endpoint, room);
  });
  return hooks;
}

interface Endpoint {
  readonly provider: Provider;
  readonly forge: Forge;
  readonly verify: Verify;
}

interface Room {
  readonly deps: WebhookDeps;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly looks: LookCaller;
}

function createRoom(deps: WebhookDeps): Room {
  const forges = {
    github,
    gitlab,
    gitea,
    forgejo,
    bitbucket,
    generic: generic(deps.webhooks.generic?.header ?? 'X-Signature-256'),
  } satisfies Record<Provider, Forge>;
  const endpoints = new Map<string, Endpoint>();
  for (const provider of providers) {
    // An empty secret would be everybody's.
    const secrets = (deps.webhooks[provider]?.secrets ?? []).filter((secret) => secret !== '');
    const forge = forges[provider];
    if (secrets.length > 0) endpoints.set(provider, { provider, forge, verify: forge.verifier(secrets) });
  }
  const trigger: TriggerLook = async (sources) => {
    try {
      return await deps.trigger(sources);
    } catch (error) {
      deps.log?.warn({ err: error }, 'the look that a webhook asked for failed');
      return { look: 0, error: 'failed; see the log' };
    }
  };
  const looks = new LookCaller(
    trigger,
    (upTo, result) => void written(deps, () => deps.deliveries.resolved(upTo, shownResult(deps, result))),
  );
  return { deps, endpoints, looks };
}

/** A source's error may hold what a server said. */
function shownResult({ redact = (text) => text }: WebhookDeps, { error, ...result }: LookResult): LookResult {
  return error === undefined ? result : { ...result, error: escapeText(shorten(redact(error), 300)) };
}

/** Who knocks where, and when. */
interface Visit {
  readonly provider: Provider;
  readonly address: string;
  readonly at: number;
  readonly request: string;
}

async function receive(c: Context, { provider, forge, verify }: Endpoint, room: Room): Promise<Response> {
  const { deps } = room;
  const visit: Visit = {
    provider,
    address: deps.address?.(c) ?? remoteAddress(c),
    at: deps.now(),
    request: requestIdOf(c, deps),
  };
  const turnAway = (problem: ProblemError, why: string): Response => {
    noteRefusal(deps, visit, why);
    return refuse(c, problem, visit.request);
  };

  const body = await readRawBody(c.req.raw, mostBytes);
  if (body === 'TooLarge') return turnAway(tooLarge(), 'larger than 1 MiB');
  if (body === 'Aborted') return turnAway(incomplete(), 'did not come whole');
  const request: RawRequest = { header: (name) => c.req.header(name), body };
  const verdict = await verify(request, visit.at);
  if (verdict !== 'ok') return turnAway(unverified(), verdicts[verdict]);

  const { payload, problem } = parse(forge, request);
  const event = forge.event(request, payload);
  const announcement = forge.read(event, payload);
  // The same delivery may come again as it should be: what cannot be read does not take its name.
  const delivery = problem === undefined ? forge.delivery(request, payload) : undefined;
  const described = describeDelivery({ delivery, event, announcement, body }, deps.redact);
  if (problem !== undefined) {
    note(deps, visit, described, { outcome: 'invalid', reason: problem.message });
    deps.counted?.(provider, 'invalid');
    return refuse(c, problem, visit.request);
  }
  const { sources, why = '' } = concern(announcement, forge, deps);
  const outcome = sources.length > 0 ? 'accepted' : 'ignored';
  const { row, isRepeated } = note(deps, visit, described, { outcome, reason: why });
  const status: WebhookStatus = isRepeated ? 'duplicate' : outcome;
  if (status === 'accepted') room.looks.want(sources, row);
  deps.counted?.(provider, status);
  return c.json({ id: described.delivery, status, ...(status === 'ignored' ? { reason: why } : {}) }, 202);
}

function concern(
  announcement: Announcement,
  forge: Forge,
  { sources, redact = (text) => text }: WebhookDeps,
): { readonly sources: readonly string[]; readonly why?: string } {
  switch (announcement.kind) {
    case 'ping':
      return { sources: [], why: 'pong' };
    case 'other':
      return { sources: [], why: 'the event does not concern a source' };
    case 'push': {
      const meansFolders = forge.meansFolders === true;
      const found = concernedSources({ ...announcement, meansFolders }, sources());
      return 'why' in found ? { ...found, why: redact(found.why) } : found;
    }
    default:
      return announcement satisfies never;
  }
}

const verdicts: Readonly<Record<Exclude<Verdict, 'ok'>, string>> = {
  missing: 'no signature',
  wrong: 'wrong signature',
  stale: 'signed too long ago, or in the future',
};

function tooLarge(): ProblemError {
  return new ProblemError(413, 'BodyTooLarge', 'the body is larger than 1 MiB');
}

function incomplete(): ProblemError {
  return new ProblemError(400, 'BodyIncomplete', 'the body did not come whole');
}

/** The same for all that is wrong: who cannot sign learns nothing. */
function unverified(): ProblemError {
  return new ProblemError(
    401,
    'InvalidSignature',
    'the signature is missing or does not hold',
    'compare the secret of the webhook with the ones under webhooks in plimsoll.yaml',
  );
}

/** What is not read any further ends the connection: nothing of it is mistaken for another request. */
function refuse(c: Context, problem: ProblemError, request: string): Response {
  const isCut = problem.status === 413 || problem.code === 'BodyIncomplete';
  return c.body(JSON.stringify(problemOf(problem, request)), problem.status, {
    'content-type': 'application/problem+json',
    ...(isCut ? { connection: 'close' } : {}),
  });
}

function requestIdOf(c: Context, { requestId }: WebhookDeps): string {
  return requestId?.(c) ?? randomUUID();
}

interface Parsed {
  readonly payload?: unknown;
  readonly problem?: ProblemError;
}

function parse(forge: Forge, request: RawRequest): Parsed {
  const invalid = (message: string): Parsed => ({
    problem: new ProblemError(
      400,
      'InvalidBody',
      message,
      "the webhook's content type has to be application/json",
    ),
  });
  if (!isUtf8(request.body)) return invalid('the body is not UTF-8');
  const text = forge.text ? forge.text(request) : request.body.toString('utf8');
  if (text === undefined) return {};
  try {
    const payload: unknown = JSON.parse(text);
    const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
    return isObject ? { payload } : invalid('the body is no JSON object');
  } catch {
    return invalid('the body is no JSON');
  }
}

/** Its row, 0 when it could not be written: a look is asked for all the same, history only explains. */
function note(
  deps: WebhookDeps,
  { provider, address, at, request }: Visit,
  described: Described,
  result: Pick<NewDelivery, 'outcome' | 'reason'>,
): { readonly row: number; readonly isRepeated: boolean } {
  const delivery = { provider, address, receivedAt: at, ...described, ...result };
  const record = written(deps, () => deps.deliveries.add(delivery));
  const isRepeated = record !== undefined && record.count > 1;
  const outcome = isRepeated ? 'duplicate' : result.outcome;
  deps.audit?.({
    at,
    provider,
    address,
    request,
    delivery: described.delivery,
    outcome,
    detail: result.reason,
  });
  return { row: record?.id ?? 0, isRepeated };
}

function noteRefusal(deps: WebhookDeps, { provider, address, at, request }: Visit, reason: string): void {
  deps.counted?.(provider, 'refused');
  written(deps, () => deps.deliveries.refuse({ provider, address, at, reason }));
  deps.audit?.({ at, provider, address, request, delivery: '', outcome: 'refused', detail: reason });
}

/** Undefined when history cannot be written, which is no reason to keep a commit waiting. */
function written<T>({ log }: WebhookDeps, write: () => T): T | undefined {
  try {
    return write();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'EdgeError') throw error;
    log?.warn({ err: error }, 'a webhook delivery could not be written down');
    return undefined;
  }
}
