import { parseImage } from '../desired/image-reference.ts';

/**
 * The digest that the registry of a reference knows an image by, from what the engine keeps (`NAME@sha256:…`, one
 * for each repository it was ever pulled from or pushed to).
 */
export function repoDigest(reference: string, repoDigests: readonly string[]): string | undefined {
  const wanted = reference.startsWith('sha256:') ? undefined : parseImage(reference);
  if (wanted === undefined) return onlyOne(repoDigests);
  const found = repoDigests
    .map(parseImage)
    .filter((one) => one?.registry === wanted.registry && one.repository === wanted.repository);
  const digests = found.flatMap((one) => one?.digest ?? []);
  return digests.find((digest) => digest === wanted.digest) ?? digests.at(-1);
}

/** By id alone it is nobody's in particular. */
function onlyOne(repoDigests: readonly string[]): string | undefined {
  const digests = new Set(repoDigests.flatMap((one) => parseImage(one)?.digest ?? []));
  return digests.size === 1 ? [...digests][0] : undefined;
}
