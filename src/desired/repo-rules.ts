import type { Problem } from './desired.ts';
import { didYouMean } from './did-you-mean.ts';
import { findCycles } from './find-cycles.ts';
import { fieldProblem, isSound, type ManifestDocument, positionOf, wrongValue } from './manifest-document.ts';
import { parseAddress } from './network-name.ts';
import { shorten, showValue } from './shown-text.ts';
import type { Fault } from './source-text.ts';
import { routeOf } from './to-app.ts';

/** Something wrong with one app because of another. */
export interface RepoProblem {
  readonly document: ManifestDocument;
  readonly problem: Problem;
}

/** A thing that only one app may have. */
interface Claim {
  readonly key: string;
  readonly document: ManifestDocument;
  readonly pointer: string;
}

/** What the repo is judged by besides its manifests. */
export interface RepoContext {
  /** `host path` → the app that serves it now. */
  readonly incumbents: ReadonlyMap<string, string>;
  /** A manifest may declare apps that nobody knows: what is not found may be in it. */
  readonly unnamed: boolean;
}

/** Rules between apps. Apps that are invalid by themselves still hold what can be read of them. */
export function repoProblems(
  documents: readonly ManifestDocument[],
  context: RepoContext,
): readonly RepoProblem[] {
  return [
    ...namesTwice(documents),
    ...routesTwice(documents, context),
    ...hostPortsTwice(documents),
    ...volumesTwice(documents),
    ...unknownDependencies(documents, context),
    ...dependencyCycles(documents),
    ...renamedFromExisting(documents),
  ];
}

/**
 * Routes that an invalid app goes on serving: it keeps running as it is, so nobody else can have them until
 * its manifest is mended. Refusing them may make further incumbents invalid, so ask again until it is quiet.
 */
export function routesHeldByInvalid(
  documents: readonly ManifestDocument[],
  invalid: ReadonlySet<string>,
  { incumbents, unnamed }: RepoContext,
): readonly RepoProblem[] {
  const names = new Set(documents.map(({ name }) => name));
  return documents.flatMap((document) =>
    routeClaims(document).flatMap(({ key, pointer }) => {
      const holder = incumbents.get(key);
      if (holder === undefined || isSameApp(document, holder)) return [];
      const keepsRunning = invalid.has(holder) || (unnamed && !names.has(holder));
      if (!keepsRunning) return [];
      return at(document, pointer, {
        code: 'E1402',
        message: `${routeName(key)} is still served by app "${holder}", whose manifest is invalid`,
        hint: `mend the manifest of "${holder}" first`,
      });
    }),
  );
}

function namesTwice(documents: readonly ManifestDocument[]): readonly RepoProblem[] {
  const claims = documents.flatMap((document) =>
    document.name === undefined ? [] : [{ key: document.name, document, pointer: '/metadata/name' }],
  );
  return contested(claims).flatMap((rivals) =>
    rivals.flatMap((claim) =>
      at(claim.document, claim.pointer, {
        code: 'E1401',
        message: `app name "${claim.key}" is used twice`,
        hint: 'names are unique in the config repo: rename one',
        ...otherOf(claim, rivals),
      }),
    ),
  );
}

function routesTwice(
  documents: readonly ManifestDocument[],
  { incumbents }: RepoContext,
): readonly RepoProblem[] {
  return contested(documents.flatMap(routeClaims)).flatMap((rivals) => {
    const holder = incumbents.get(rivals[0]?.key ?? '');
    const holders = rivals.filter(({ document }) => holder !== undefined && isSameApp(document, holder));
    const keeper = holders.length === 1 ? holders[0] : undefined;
    return rivals
      .filter((claim) => claim !== keeper)
      .flatMap((claim) => {
        const rival = keeper ?? rivals.find((other) => other !== claim);
        const whose =
          rival?.document === claim.document ? 'this app already' : `app "${rival?.document.name ?? '?'}"`;
        return at(claim.document, claim.pointer, {
          code: 'E1402',
          message: `${routeName(claim.key)} is claimed by ${whose}${keeper === undefined ? '' : ', which serves it'}`,
          hint: 'a host and path have one owner: change one of the two',
          ...otherOf(claim, rival === undefined ? [] : [rival]),
        });
      });
  });
}

/** By their documents: of a thousand that are judged at each commit one is new, and each is asked several times. */
const claimsOf = new WeakMap<ManifestDocument, readonly Claim[]>();

function routeClaims(document: ManifestDocument): readonly Claim[] {
  const claims = claimsOf.get(document) ?? readRouteClaims(document);
  claimsOf.set(document, claims);
  return claims;
}

function readRouteClaims(document: ManifestDocument): readonly Claim[] {
  if (!isListed(document, '/spec/domains')) return [];
  return document.value.spec.domains.flatMap((domain, index) => {
    const pointer = `/spec/domains/${index}`;
    const parts = typeof domain === 'string' ? [''] : ['/host', '/path', '/redirectFrom'];
    if (!parts.every((part) => isSound(document, `${pointer}${part}`))) return [];
    const { host, path, redirectFrom } = routeOf(domain);
    const hostPointer = typeof domain === 'string' ? pointer : `${pointer}/host`;
    return [
      { key: `${host} ${path}`, document, pointer: hostPointer },
      ...redirectFrom.flatMap((from, place) =>
        from === host ? [] : { key: `${from} /`, document, pointer: `${pointer}/redirectFrom/${place}` },
      ),
    ];
  });
}

function hostPortsTwice(documents: readonly ManifestDocument[]): readonly RepoProblem[] {
  const claims = documents.flatMap(hostPortClaims);
  return contested(claims).flatMap((onPort) =>
    onPort.flatMap((claim) => {
      const rival = onPort.find((other) => other !== claim && sharesAddress(claim, other));
      if (rival === undefined) return [];
      const whose =
        rival.document === claim.document ? 'this app already' : `app "${rival.document.name ?? '?'}"`;
      return at(claim.document, claim.pointer, {
        code: 'E1403',
        message: `host port ${claim.key} is claimed by ${whose}`,
        hint: 'a host port has one owner: change one of the two',
        ...otherOf(claim, [rival]),
      });
    }),
  );
}

function hostPortClaims(document: ManifestDocument): readonly (Claim & { readonly address: string })[] {
  if (!isListed(document, '/spec/ports')) return [];
  return document.value.spec.ports.flatMap((port, index) => {
    const pointer = `/spec/ports/${index}`;
    if (!isSound(document, pointer) || port.host === undefined) return [];
    const { host, hostIp, protocol } = port;
    const address = parseAddress(hostIp ?? '0.0.0.0') ?? '';
    return { key: `${host}/${protocol}`, document, pointer: `${pointer}/host`, address };
  });
}

function sharesAddress(one: { address: string }, other: { address: string }): boolean {
  const everywhere = ['0.0.0.0', '::'];
  return (
    one.address === other.address || everywhere.includes(one.address) || everywhere.includes(other.address)
  );
}

/** The volume `c` of app `a-b` and the volume `b-c` of app `a` would be one volume on the engine. */
function volumesTwice(documents: readonly ManifestDocument[]): readonly RepoProblem[] {
  const claims = documents.flatMap((document) => {
    if (document.name === undefined || !isListed(document, '/spec/volumes')) return [];
    return document.value.spec.volumes.flatMap((volume, index) => {
      const pointer = `/spec/volumes/${index}`;
      if (!isSound(document, pointer) || volume.name === undefined) return [];
      return { key: `${document.name}-${volume.name}`, document, pointer: `${pointer}/name` };
    });
  });
  return contested(claims).flatMap((rivals) =>
    rivals.flatMap((claim) => {
      const rival = rivals.find(({ document }) => document.name !== claim.document.name);
      if (rival === undefined) return [];
      return at(claim.document, claim.pointer, {
        code: 'E1407',
        message: `volume "${claim.key}" on the engine would be shared with app "${rival.document.name}"`,
        hint: 'give the volume another name',
        ...otherOf(claim, [rival]),
      });
    }),
  );
}

interface DependencyEntry {
  readonly app: string;
  readonly pointer: string;
}

function dependencies(document: ManifestDocument): readonly DependencyEntry[] {
  if (!isListed(document, '/spec/dependsOn')) return [];
  return document.value.spec.dependsOn.flatMap((entry, index) => {
    const pointer = `/spec/dependsOn/${index}${typeof entry === 'string' ? '' : '/app'}`;
    if (!isSound(document, pointer)) return [];
    return { app: typeof entry === 'string' ? entry : entry.app, pointer };
  });
}

function unknownDependencies(
  documents: readonly ManifestDocument[],
  { unnamed }: RepoContext,
): readonly RepoProblem[] {
  if (unnamed) return [];
  const names = documents.flatMap(({ name }) => name ?? []).sort();
  const known = new Set(names);
  return documents.flatMap((document) =>
    dependencies(document)
      .filter(({ app }) => !known.has(app))
      .flatMap(({ app, pointer }) => {
        const meant = didYouMean(app, names);
        return at(document, pointer, {
          code: 'E1404',
          message: `app "${app}" does not exist${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`,
          hint: 'dependsOn names apps of this config repo',
        });
      }),
  );
}

function dependencyCycles(documents: readonly ManifestDocument[]): readonly RepoProblem[] {
  const edges = new Map(
    documents.flatMap((document) =>
      document.name === undefined
        ? []
        : [[document.name, dependencies(document).map(({ app }) => app)] as const],
    ),
  );
  const cycles = findCycles(edges);
  return documents.flatMap((document) => {
    const cycle = cycles.get(document.name ?? '');
    if (cycle === undefined) return [];
    const next = cycle[cycle.indexOf(document.name ?? '') + 1];
    const entry = dependencies(document).find(({ app }) => app === next);
    if (entry === undefined) return [];
    return at(document, entry.pointer, {
      code: 'E1405',
      message: `dependency cycle: ${shorten(cycle.join(' → '), 200)}`,
      hint: 'remove one of the dependencies',
      ...otherOf(
        { document, key: '', pointer: entry.pointer },
        documents
          .filter(({ name }) => name === next && next !== document.name)
          .map((other) => ({ document: other, key: '', pointer: '/metadata/name' })),
      ),
    });
  });
}

function renamedFromExisting(documents: readonly ManifestDocument[]): readonly RepoProblem[] {
  const renamed = documents.flatMap((document) => {
    const pointer = '/metadata/renamedFrom';
    if (!isSound(document, pointer)) return [];
    const { renamedFrom, name } = document.value.metadata;
    return renamedFrom === undefined || renamedFrom === name ? [] : { key: renamedFrom, document, pointer };
  });
  const existing = renamed.flatMap((claim) => {
    const rival = documents.find(({ name }) => name === claim.key);
    if (rival === undefined) return [];
    return at(claim.document, claim.pointer, {
      code: 'E1406',
      message: `app "${claim.key}" still exists, so this one is not its new name`,
      hint: 'remove renamedFrom, or the other manifest',
      other: positionOf(rival, '/metadata/name'),
    });
  });
  const twice = contested(renamed).flatMap((rivals) =>
    rivals.flatMap((claim) =>
      at(claim.document, claim.pointer, {
        code: 'E1406',
        message: `another app is renamed from "${claim.key}" too`,
        hint: 'only one of them can have its volumes and history',
        ...otherOf(claim, rivals),
      }),
    ),
  );
  return [...existing, ...twice];
}

/** Claims to what more than one claims, in the order of the documents. */
function contested<C extends Claim>(claims: readonly C[]): readonly (readonly C[])[] {
  return [...Map.groupBy(claims, ({ key }) => key).values()].filter((rivals) => rivals.length > 1);
}

/** The list itself is one; its items may still be wrong. */
function isListed({ unsound }: ManifestDocument, pointer: string): boolean {
  return !unsound.some((wrong) => wrong === pointer || pointer.startsWith(`${wrong}/`));
}

function isSameApp(document: ManifestDocument, app: string): boolean {
  if (document.name === app) return true;
  return isSound(document, '/metadata/renamedFrom') && document.value.metadata.renamedFrom === app;
}

function otherOf(claim: Claim, rivals: readonly Claim[]): Pick<Fault, 'other'> {
  const rival = rivals.find((other) => other !== claim);
  return rival === undefined ? {} : { other: positionOf(rival.document, rival.pointer) };
}

function routeName(key: string): string {
  return showValue(key.replace(' ', '').replace(/(?<!^)\/$/, ''));
}

function at(document: ManifestDocument, pointer: string, fault: Fault): readonly RepoProblem[] {
  return [{ document, problem: fieldProblem(document, wrongValue(pointer, fault)) }];
}
