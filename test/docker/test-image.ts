import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { jsonLines } from '../../src/docker/json-lines.ts';
import { type TarFile, tarOf } from '../../src/docker/tar.ts';

const busybox = '/bin/busybox';

/**
 * An image that holds busybox, all its commands, and what `lines` of a Dockerfile add, which may copy `files`;
 * answers its id. Built once, and found again by a hash of its lines and files.
 */
export async function ensureTestImage(
  docker: Docker,
  tag: string,
  lines: readonly string[] = [],
  files: readonly TarFile[] = [],
): Promise<string> {
  const dockerfile = [
    'FROM scratch',
    `COPY busybox ${busybox}`,
    `RUN ["${busybox}", "--install", "-s", "/bin"]`,
    'ENV PATH=/bin',
    ...lines,
  ].join('\n');
  const hash = createHash('sha256').update(dockerfile);
  for (const { content } of files) hash.update(content);
  const mark = hash.digest('hex');
  const there = await docker
    .getImage(tag)
    .inspect()
    .catch(() => undefined);
  if (there?.Config.Labels?.['test.dockerfile'] === mark) return there.Id;
  const context = tarOf([
    {
      path: 'Dockerfile',
      content: Buffer.from(`${dockerfile}\nLABEL test.dockerfile=${mark}\n`),
      mode: 0o644,
    },
    { path: 'busybox', content: readFileSync(busybox), mode: 0o755 },
    ...files,
  ]);
  const output = (await docker.buildImage(context as unknown as NodeJS.ReadableStream, {
    t: tag,
  })) as Readable;
  for await (const line of jsonLines(output)) {
    const { error } = JSON.parse(line);
    if (error) throw new Error(`build ${tag}: ${error}`);
  }
  const { Id } = await docker.getImage(tag).inspect();
  return Id;
}
