import { timingSafeEqual } from 'node:crypto';
import type { TokenRecord, TokenStore } from '../history/token-store.ts';
import { hashOfToken, newToken } from './new-token.ts';
import { type Scope, scopes } from './operation.ts';

/** A token of `plimsoll.yaml`. */
export interface DeclaredToken {
  readonly name: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly hash: string;
  readonly scopes: readonly Scope[];
  readonly project?: string;
  readonly selector?: string;
  /** RFC 3339. */
  readonly expires?: string;
}

/** A new token; `limit` as in the record. */
export type NewToken = Pick<
  TokenRecord,
  'name' | 'scopes' | 'project' | 'selector' | 'createdBy' | 'expiresAt'
>;

/** A token's last use is written at most this often, in milliseconds. */
const useWritten = 60_000;
const shape = /^plt_[A-Za-z0-9_-]{43}$/;

export const declaredBy = 'plimsoll.yaml';

/** The tokens of history and of the configuration. */
export class TokenBook {
  readonly #store: TokenStore;
  readonly #declared: readonly TokenRecord[];
  readonly #now: () => number;
  /** Of declared ones, since the start. */
  readonly #used = new Map<string, number>();

  constructor(store: TokenStore, declared: readonly DeclaredToken[], now: () => number) {
    this.#store = store;
    this.#now = now;
    this.#declared = declared.map(toRecord);
  }

  /** Sorted by name; a declared one stands before one of history with its name. */
  list(): TokenRecord[] {
    const declared = this.#declared.map((token) => {
      const lastUsedAt = this.#used.get(token.name);
      return lastUsedAt === undefined ? token : { ...token, lastUsedAt };
    });
    const names = new Set(declared.map(({ name }) => name));
    const kept = this.#store.list().filter(({ name }) => !names.has(name));
    return [...declared, ...kept].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Every token is compared, in a time that says nothing of how much was right. */
  find(token: string): TokenRecord | undefined {
    if (!shape.test(token)) return undefined;
    const given = Buffer.from(hashOfToken(token), 'hex');
    let found: TokenRecord | undefined;
    for (const one of this.list()) if (timingSafeEqual(given, Buffer.from(one.hash, 'hex'))) found = one;
    return found;
  }

  /** A last use that cannot be written is no reason to refuse. */
  used({ name, createdBy, lastUsedAt = 0 }: TokenRecord): void {
    const now = this.#now();
    if (now - lastUsedAt < useWritten && now >= lastUsedAt) return;
    if (createdBy === declaredBy) this.#used.set(name, now);
    else this.#store.used(name, now);
  }

  isDeclared(name: string): boolean {
    return this.#declared.some((one) => one.name === name);
  }

  /** The token itself, this once; undefined when the name is taken. */
  create(wanted: NewToken): { readonly token: string; readonly record: TokenRecord } | undefined {
    if (this.isDeclared(wanted.name)) return undefined;
    const token = newToken();
    const record = { ...wanted, hash: hashOfToken(token), createdAt: this.#now() };
    return this.#store.create(record) ? { token, record } : undefined;
  }

  /** Undefined when there is none of that name that could be. */
  revoke(name: string): TokenRecord | undefined {
    if (!this.#store.revoke(name, this.#now())) return undefined;
    return this.#store.list().find((one) => one.name === name);
  }
}

function toRecord({ hash, expires, scopes: asked, ...kept }: DeclaredToken): TokenRecord {
  return {
    ...kept,
    scopes: scopes.filter((scope) => asked.includes(scope)),
    hash: hash.replace(/^sha256:/, ''),
    createdBy: declaredBy,
    createdAt: 0,
    ...(expires === undefined ? {} : { expiresAt: Date.parse(expires) }),
  };
}
