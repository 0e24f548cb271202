import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { ask, type Limits, readTimeout } from './ask.ts';
import { firstEntry, type TarEntry } from './tar.ts';

/** Larger files are not looked at: nobody writes a configuration of that size. */
const mostBytes = 1_048_576;
const mostLinks = 3;

/** What stands at a path in a container, running or not; `undefined` for nothing, `other` for what is no file of a fair size. */
export async function readEntry(
  docker: Docker,
  container: string,
  path: string,
  limits: Limits = {},
): Promise<TarEntry | undefined> {
  const call = { operation: 'read file of', object: container };
  const archive = await ask(
    call,
    async (abortSignal) => {
      const target = docker.getContainer(encodeURIComponent(container));
      return collect((await target.getArchive({ path, abortSignal })) as Readable);
    },
    { timeout: readTimeout, ...limits, fine: [404], bytes: true },
  );
  return archive === 'too much' ? { kind: 'other' } : archive && firstEntry(archive);
}

/** The text of a file, through links. */
export async function readText(docker: Docker, container: string, path: string): Promise<string | undefined> {
  let at = path;
  for (let links = 0; links <= mostLinks; links += 1) {
    const entry = await readEntry(docker, container, at);
    if (entry?.kind === 'file') return entry.content.toString('utf8');
    if (entry?.kind !== 'link') return undefined;
    at = posix.resolve(posix.dirname(at), entry.to);
  }
  return undefined;
}

async function collect(stream: Readable): Promise<Buffer | 'too much'> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= mostBytes + 16_384) continue;
    stream.destroy();
    return 'too much';
  }
  return Buffer.concat(chunks);
}
