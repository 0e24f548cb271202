import { EdgeError, type SecretsPort } from '../apply/ports.ts';
import { isSecretValue, type SecretValue } from '../desired/secret.ts';
import type { ContainerSpec } from '../observed/observed.ts';

/** What the engine room needs of the secrets: a value right before it is handed over, and a comparison. */
export type Revealing = Pick<SecretsPort, 'reveal' | 'matches'>;

/** For an engine that is given none. */
export const noSecrets: Revealing = {
  reveal: async ({ secret }) => {
    throw new EdgeError('transient', 'SecretUnavailable', `reveal ${secret}: no secrets can be opened here`);
  },
  matches: () => undefined,
};

/** The plain values of a container's secret variables, by name. */
export async function revealEnv({ env }: ContainerSpec, secrets: Revealing): Promise<Record<string, string>> {
  const secret = Object.entries(env).filter((entry): entry is [string, SecretValue] =>
    isSecretValue(entry[1]),
  );
  const plain = await Promise.all(
    secret.map(async ([name, value]) => [name, await secrets.reveal(value)] as const),
  );
  return Object.fromEntries(plain);
}

/** The text without these values, for what answers to a call that had them in it. */
export function withoutValues(text: string, values: readonly string[]): string {
  return values
    .filter((value) => value !== '')
    .toSorted((a, b) => b.length - a.length)
    .reduce((left, value) => left.replaceAll(value, '***'), text);
}
