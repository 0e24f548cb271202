import { copyFile, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';

/** Release 1 and 2 of the demo's web app. */
export const demoImages = ['1', '2'].map((release) => ({ release, tag: `plimsoll-demo/web:${release}` }));

/** Builds both releases from nothing but the machine's busybox; `folder` is made and kept. */
export async function buildDemoImages(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(join(import.meta.dirname, 'demo-image'), folder, { recursive: true });
  await copyFile('/bin/busybox', join(folder, 'busybox'));
  for (const { release, tag } of demoImages) await build(folder, tag, release);
}

/** Images that are gone already are success. */
export async function removeDemoImages(): Promise<void> {
  const docker = new Docker();
  for (const { tag } of demoImages) {
    await docker
      .getImage(tag)
      .remove({ force: true })
      .catch((error: { statusCode?: number }) => {
        if (error.statusCode !== 404) throw error;
      });
  }
}

async function build(context: string, tag: string, release: string): Promise<void> {
  const docker = new Docker();
  const stream = await docker.buildImage(
    { context, src: ['Dockerfile', 'serve', 'busybox'] },
    { t: tag, buildargs: { RELEASE: release }, forcerm: true },
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  docker.modem.followProgress(stream, (error, progress: { error?: string }[] | null) => {
    const refused = progress?.find((line) => line.error !== undefined)?.error;
    if (error ?? refused) reject(error ?? new Error(`build ${tag}: ${refused}`));
    else resolve();
  });
  await promise;
}
