import { BlockList, isIP, isIPv6 } from 'node:net';
import { showValue } from '../desired/shown-text.ts';
import { type Caller, mayDo } from './caller.ts';
import type { Operation, RateKind, Scope } from './operation.ts';
import { ProblemError } from './problem.ts';
import { RateLimiter } from './rate-limiter.ts';
import type { TokenBook } from './token-book.ts';

export interface GuardSettings {
  /** `host:port`. */
  readonly listen: string;
  /** Further names by which the server may be called. */
  readonly hosts: readonly string[];
  /** Addresses and ranges whose X-Forwarded-For counts. */
  readonly trustedProxies: readonly string[];
  /** Requests a minute from one address. */
  readonly rateLimit: {
    readonly read: number;
    readonly write: number;
    readonly webhook: number;
    readonly failedAuth: number;
  };
}

/** What a connection and a request's headers say of where it comes from. */
export interface Origin {
  /** Of the other end of the connection. */
  readonly peer: string;
  /** Of our end. */
  readonly local: string;
  readonly host: string | undefined;
  readonly forwardedFor: string | undefined;
}

/** Who may come in over TCP: the host by which we are called, the rate, the token, its scopes; in this order. */
export class Guard {
  readonly #hosts: ReadonlySet<string>;
  readonly #proxies = new BlockList();
  readonly #limiters: Readonly<Record<Exclude<RateKind, 'open'> | 'failedAuth', RateLimiter>>;
  readonly #tokens: TokenBook;
  readonly #now: () => number;

  constructor(settings: GuardSettings, tokens: TokenBook, now: () => number) {
    const { listen, hosts, trustedProxies, rateLimit } = settings;
    // Who listens everywhere is called by the address of the connection, never by that name.
    const own = [nameOf(listen)].filter((name) => name !== '0.0.0.0' && name !== '::');
    this.#hosts = new Set([...own, ...hosts.map(nameOf)]);
    for (const range of trustedProxies) addRange(this.#proxies, range);
    this.#limiters = {
      read: new RateLimiter(rateLimit.read, now),
      write: new RateLimiter(rateLimit.write, now),
      webhook: new RateLimiter(rateLimit.webhook, now),
      failedAuth: new RateLimiter(rateLimit.failedAuth, now),
    };
    this.#tokens = tokens;
    this.#now = now;
  }

  isTrusted(peer: string): boolean {
    const address = plain(peer);
    return isIP(address) !== 0 && this.#proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  /** The last address that no proxy of ours stands for. */
  addressOf({ peer, forwardedFor }: Origin): string {
    const hops = (forwardedFor ?? '').split(',').map((hop) => plain(hop.trim()));
    let address = plain(peer);
    while (this.isTrusted(address)) {
      const before = hops.pop();
      if (before === undefined || isIP(before) === 0) break;
      address = before;
    }
    return address;
  }

  /** Names that browsers can be made to resolve to us are no names of ours (DNS rebinding). */
  checkHost({ host, local }: Origin): void {
    if (this.#hosts.has(nameOf(host ?? '')) || isCalledLocally({ host, local })) return;
    throw new ProblemError(
      421,
      'UnknownHost',
      `the Host ${showValue(host ?? '')} is none of this server`,
      'add it to api.hosts in plimsoll.yaml',
    );
  }

  limit(kind: RateKind, address: string): void {
    if (kind === 'open') return;
    const wait = this.#limiters[kind].take(address);
    if (wait !== undefined) throw tooMany('RateLimited', `too many ${kind} requests from ${address}`, wait);
  }

  /** The owner of the token, if it may do this. */
  admit({ scope, hostWide }: Operation, authorization: string | undefined, address: string): Caller {
    if (scope === 'open') return { actor: '', via: 'tcp', address, scopes: [] };
    const caller = this.#authenticate(authorization, address);
    if (scope !== 'any' && !mayDo(caller, scope)) throw insufficient(caller, scope);
    if (hostWide && caller.limit)
      throw new RefusedError(
        caller,
        'LimitedToken',
        `token ${caller.actor} is limited to some apps, and this concerns all of them`,
      );
    return caller;
  }

  /** Who fails too often is not looked at any more: guessing has to wait. */
  #authenticate(authorization: string | undefined, address: string): Caller {
    const wait = this.#limiters.failedAuth.waitOf(address);
    if (wait !== undefined)
      throw tooMany('TooManyFailures', `too many failed authentications from ${address}`, wait);
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    const found = token === undefined ? undefined : this.#tokens.find(token);
    const now = this.#now();
    if (found === undefined || found.revokedAt !== undefined || (found.expiresAt ?? now + 1) <= now) {
      this.#limiters.failedAuth.count(address);
      throw unauthorized(authorization, found?.revokedAt === undefined ? found?.expiresAt : undefined);
    }
    this.#tokens.used(found);
    const { project, selector, expiresAt } = found;
    const limit = {
      ...(project === undefined ? {} : { project }),
      ...(selector === undefined ? {} : { selector }),
    };
    return {
      actor: found.name,
      via: 'tcp',
      address,
      scopes: found.scopes as readonly Scope[],
      ...(Object.keys(limit).length === 0 ? {} : { limit }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  }
}

/** Somebody who is known may not do this. */
export class RefusedError extends ProblemError {
  readonly caller: Caller;

  constructor(caller: Caller, code: string, detail: string, hint?: string, headers?: Record<string, string>) {
    super(403, code, detail, hint, headers);
    this.caller = caller;
  }
}

function insufficient(caller: Caller, scope: Scope): RefusedError {
  return new RefusedError(
    caller,
    'InsufficientScope',
    `token ${caller.actor} lacks the scope ${scope}`,
    `it has ${caller.scopes.join(', ')}; plimsoll token create NAME --scope ${scope} makes one that has it`,
    { 'www-authenticate': `Bearer realm="plimsoll", error="insufficient_scope", scope="${scope}"` },
  );
}

function unauthorized(authorization: string | undefined, expiresAt: number | undefined): ProblemError {
  const [code, detail, told] =
    authorization === undefined
      ? ['NoToken', 'a token is needed', '']
      : expiresAt !== undefined
        ? ['TokenExpired', 'the token has expired', ', error="invalid_token", error_description="expired"']
        : ['BadToken', 'the token is not good', ', error="invalid_token"'];
  return new ProblemError(401, code, detail, 'plimsoll token create NAME --scope read makes one', {
    'www-authenticate': `Bearer realm="plimsoll"${told}`,
  });
}

function tooMany(code: string, detail: string, wait: number): ProblemError {
  return new ProblemError(429, code, detail, `try again in ${wait} s`, { 'retry-after': String(wait) });
}

/** By a name that no browser can be made to resolve to us: this machine's own, or the address of our end. */
export function isCalledLocally({ host, local }: Pick<Origin, 'host' | 'local'>): boolean {
  const name = nameOf(host ?? '');
  return name === 'localhost' || name === plain(local) || /^127(\.\d{1,3}){3}$|^::1$/.test(name);
}

/** The host of `host:port`, in lower case, without brackets and a last dot. */
function nameOf(host: string): string {
  const name = /^\[([^\]]*)\](?::\d+)?$/.exec(host)?.[1] ?? (isIPv6(host) ? host : host.replace(/:\d*$/, ''));
  return plain(name.toLowerCase().replace(/\.$/, ''));
}

/** IPv4 in IPv6 is IPv4. */
function plain(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/');
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  if (bits === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(bits), family);
}
