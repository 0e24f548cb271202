import { parseSelector } from '../desired/selector.ts';
import { showValue } from '../desired/shown-text.ts';
import { parseDuration } from '../desired/units.ts';
import type { AuditRecord } from '../history/audit-log.ts';
import type { TokenRecord } from '../history/token-store.ts';
import type { AuditBook } from './audit-book.ts';
import type { Call, Handlers } from './call.ts';
import type { ControllerPort } from './controller-port.ts';
import type { Scope } from './operation.ts';
import { cursorOf, pageOf, toCursor } from './page.ts';
import { ProblemError } from './problem.ts';
import { timeText } from './time-text.ts';
import type { TokenBook } from './token-book.ts';

/** Who asks, with what, and what was asked for. */
export function accessRoutes(port: ControllerPort, tokens: TokenBook, audit: AuditBook) {
  return {
    whoAmI: ({ caller: { actor, via, scopes, limit, expiresAt } }) => ({
      actor,
      via,
      scopes,
      project: limit?.project ?? null,
      selector: limit?.selector ?? null,
      expires: timeText(expiresAt),
    }),
    listTokens: ({ query }) => pageOf(query, tokens.list().map(tokenItem), ({ name }) => name),
    createToken: (call) => createToken(port, tokens, call),
    revokeToken: ({ params: { name } }) => {
      if (tokens.isDeclared(name))
        throw new ProblemError(
          409,
          'DeclaredToken',
          `token ${name} is declared in plimsoll.yaml`,
          'take it out of api.tokens and start the controller again',
        );
      const revoked = tokens.revoke(name);
      if (!revoked) throw new ProblemError(404, 'UnknownToken', `no token ${showValue(name)} that is good`);
      return tokenItem(revoked);
    },
    listAudit: ({ query }) => {
      const { limit = 100, actor } = query;
      const before = cursorOf(query);
      const found = audit.list({
        limit: limit + 1,
        actor,
        before: before === undefined ? undefined : Number(before) || 0,
      });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return {
        items: items.map(auditItem),
        next: last !== undefined && found.length > limit ? toCursor(String(last.id)) : null,
      };
    },
  } satisfies Partial<Handlers>;
}

function createToken(port: ControllerPort, tokens: TokenBook, { caller, body }: Call<'createToken'>) {
  const { name, scopes, project, selector, expires } = body;
  if (selector !== undefined && !parseSelector(selector))
    throw new ProblemError(
      400,
      'InvalidField',
      `field selector is ${showValue(selector)}, expected labels such as "team=web"`,
    );
  const lasts = expires === undefined ? undefined : parseDuration(expires);
  if (lasts === 0) throw new ProblemError(400, 'InvalidField', 'field expires is no time at all');
  const made = tokens.create({
    name,
    scopes,
    createdBy: caller.actor,
    ...(project === undefined ? {} : { project }),
    ...(selector === undefined ? {} : { selector }),
    ...(lasts === undefined ? {} : { expiresAt: port.now() + lasts }),
  });
  if (made) return { ...tokenItem(made.record), token: made.token };
  throw new ProblemError(
    409,
    'TokenExists',
    `there is a token ${name} already`,
    `plimsoll token revoke ${name} ends it`,
  );
}

function tokenItem(token: TokenRecord) {
  return {
    name: token.name,
    scopes: token.scopes as readonly Scope[],
    project: token.project ?? null,
    selector: token.selector ?? null,
    createdBy: token.createdBy,
    createdAt: timeText(token.createdAt),
    expires: timeText(token.expiresAt),
    lastUsed: timeText(token.lastUsedAt),
    revoked: timeText(token.revokedAt),
  };
}

function auditItem({ id, at, request, ...entry }: AuditRecord) {
  const { actor, via, address, verb, object, outcome, detail, count } = entry;
  return {
    id,
    at: timeText(at),
    actor,
    via,
    address,
    verb,
    object,
    outcome,
    detail,
    requestId: request,
    count,
  };
}
