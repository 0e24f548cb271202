import { createHash } from 'node:crypto';
import { EdgeError } from '../../src/apply/ports.ts';
import type { SecretValue } from '../../src/desired/secret.ts';
import type { Revealing } from '../../src/docker/reveal.ts';

/** Secrets by version, as the secrets room has them in memory. */
export interface AVault extends Revealing {
  /** Plain values that were handed out, in order. */
  readonly revealed: readonly string[];
  put(secret: string, plain: string): SecretValue;
  forget(value: SecretValue): void;
  redact(text: string): string;
}

export function aVault(): AVault {
  const values = new Map<string, string>();
  const seen = new Set<string>();
  const revealed: string[] = [];
  return {
    revealed,
    put(secret, plain) {
      const version = createHash('sha256').update(`${secret}\0${plain}`).digest('hex').slice(0, 16);
      values.set(version, plain);
      seen.add(plain);
      return { secret, version };
    },
    forget: ({ version }) => void values.delete(version),
    async reveal({ secret, version }) {
      const plain = values.get(version);
      if (plain === undefined)
        throw new EdgeError('transient', 'SecretUnavailable', `reveal ${secret}: it is not known here`);
      revealed.push(plain);
      return plain;
    },
    matches({ version }, plain) {
      const known = values.get(version);
      return known === undefined ? undefined : known === plain;
    },
    redact: (text) => [...seen].reduce((left, plain) => left.replaceAll(plain, '***'), text),
  };
}
