import { get } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** The `Host` header. */
  readonly name: string;
  readonly path?: string;
}

/** The page of a 200; undefined for every other answer and for none. Each time by a new connection. */
export async function askPage({ host, port, name, path = '/' }: Address): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const asked = get(
    { host, port, path, headers: { Host: name }, agent: false, timeout: 5_000 },
    async (response) => {
      const page = await text(response).catch(() => undefined);
      resolve(response.statusCode === 200 ? page?.trim() : undefined);
    },
  );
  asked.on('timeout', () => asked.destroy());
  asked.on('error', () => resolve(undefined));
  return promise;
}
