import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { runProgram } from '../.ci/run-program.ts';
import { ensureTestImage } from '../test/docker/test-image.ts';
import { images } from './workbench.ts';

/** Two releases of one web app; each answers with its own name. */
export const releases = [1, 2].map((number) => ({
  image: `${images}web:${number}`,
  page: `bench release ${number}`,
}));

/** Two images of the server whose release and ways of failing are variables (`web-server.c`). */
export const serverImages = [`${images}server:1`, `${images}server:2`] as const;

/** Its first process passes SIGTERM on: without that, every stop would last until SIGKILL. */
const serve = "trap 'kill $server; exit 0' TERM; httpd -f -p 8080 -h /www & server=$!; wait $server";

/** `folder` is for what is compiled. */
export async function buildImages(docker: Docker, folder: string): Promise<void> {
  for (const { image, page } of releases) {
    await ensureTestImage(docker, image, [
      `RUN ["/bin/busybox", "sh", "-c", "mkdir -p /www && echo '${page}' > /www/index.html"]`,
      `CMD ${JSON.stringify(['sh', '-c', serve])}`,
    ]);
  }
  const server = { path: 'server', content: await compileServer(folder), mode: 0o755 };
  for (const image of serverImages) {
    const lines = ['COPY server /bin/server', `LABEL image=${image}`, 'CMD ["/bin/server"]'];
    await ensureTestImage(docker, image, lines, [server]);
  }
}

/** Without shared libraries: the image has none. */
async function compileServer(folder: string): Promise<Buffer> {
  const program = join(folder, 'server');
  const source = join(import.meta.dirname, 'web-server.c');
  const { code, output } = await runProgram('gcc', ['-O2', '-static', '-pthread', '-o', program, source]);
  if (code !== 0) throw new Error(`gcc: ${output.trim()}`);
  return readFile(program);
}
