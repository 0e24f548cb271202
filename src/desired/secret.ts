import { createHash } from 'node:crypto';
import type { Position } from './app.ts';

/**
 * A value that is encrypted in git. Releases, plans and labels hold this and never the value: two of them are equal
 * when the ciphertext is.
 */
export interface SecretValue {
  /** `NAME/KEY`, for people. */
  readonly secret: string;
  /** 16 hexadecimal digits of the ciphertext's hash, or of a keyed hash for values of other managers. */
  readonly version: string;
}

/** One `kind: Secret` as git holds it. */
export interface SealedSecret {
  readonly name: string;
  readonly origin: Position;
  /** `sops`: `data` holds SOPS values; else `data` holds what that manager knows the values by. */
  readonly provider: 'sops' | 'file' | 'env' | 'http';
  /** Its document, whole: what SOPS authenticates. */
  readonly text: string;
  readonly data: Readonly<Record<string, string>>;
}

/** What could be made of a sealed secret on this host. */
export type OpenedSecret =
  | {
      readonly kind: 'open';
      readonly versions: Readonly<Record<string, string>>;
      /**
       * Bcrypt hash of a value, the same for the same version: what a proxy checks passwords against. A value that is
       * a bcrypt hash stays as it is.
       */
      readonly passwordHash: (key: string) => string;
    }
  | { readonly kind: 'sealed' /** PascalCase. */; readonly reason: string; readonly message: string };

/** The version of a SOPS value: of its ciphertext, which says nothing of the value. */
export function sopsVersion(ciphertext: string): string {
  return createHash('sha256').update(`sops\0${ciphertext}`).digest('hex').slice(0, 16);
}

export function isSecretValue(value: unknown): value is SecretValue {
  return typeof value === 'object' && value !== null && 'secret' in value && 'version' in value;
}
