import type Docker from 'dockerode';
import { ensureTestImage } from '../test/docker/test-image.ts';

/** Two releases of one web app; each answers with its own name. */
export const releases = [1, 2].map((number) => ({
  image: `plimsoll-bench/web:${number}`,
  page: `bench release ${number}`,
}));

/** Its first process passes SIGTERM on: without that, every stop would last until SIGKILL. */
const serve = "trap 'kill $server; exit 0' TERM; httpd -f -p 8080 -h /www & server=$!; wait $server";

export async function buildImages(docker: Docker): Promise<void> {
  for (const { image, page } of releases) {
    await ensureTestImage(docker, image, [
      `RUN ["/bin/busybox", "sh", "-c", "mkdir -p /www && echo '${page}' > /www/index.html"]`,
      `CMD ${JSON.stringify(['sh', '-c', serve])}`,
    ]);
  }
}

export async function removeImages(docker: Docker): Promise<void> {
  for (const { image } of releases) {
    await docker
      .getImage(image)
      .remove({ force: true })
      .catch((error: { readonly statusCode?: number }) => {
        if (error.statusCode !== 404) throw error;
      });
  }
}
