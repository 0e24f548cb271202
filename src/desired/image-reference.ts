/** The parts of `[registry/]repository[:tag][@digest]`. */
export interface ImageReference {
  /** `docker.io` when the reference names none. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const component = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const registryName = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;

/** Reads a reference by the rules of https://github.com/distribution/reference. */
export function parseImage(text: string): ImageReference | undefined {
  const parts =
    /^([^@]+?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?$/.exec(
      text,
    );
  const name = parts?.[1];
  if (name === undefined || name.length > 255) return undefined;
  const { registry, path } = splitRegistry(name);
  const isId = path.length === 1 && registry === 'docker.io' && /^[0-9a-f]{64}$/.test(name);
  if (isId || !registryName.test(registry) || !path.every((part) => component.test(part))) return undefined;
  return {
    registry,
    repository: registry === 'docker.io' && path.length === 1 ? `library/${path.join('/')}` : path.join('/'),
    ...(parts?.[2] === undefined ? {} : { tag: parts[2] }),
    ...(parts?.[3] === undefined ? {} : { digest: parts[3] }),
  };
}

/** The first part is a registry when no repository could be called so. */
function splitRegistry(name: string): { registry: string; path: readonly string[] } {
  const [first = '', ...rest] = name.split('/');
  const named = rest.length > 0 && (/[.:[A-Z]/.test(first) || first === 'localhost');
  if (!named) return { registry: 'docker.io', path: [first, ...rest] };
  return { registry: first === 'index.docker.io' ? 'docker.io' : first, path: rest };
}
