import { didYouMean } from './did-you-mean.ts';
import type { FieldFault } from './explain-error.ts';
import { fieldLabel } from './explain-error.ts';
import type { AppManifest } from './manifest.ts';
import { isSound, type ManifestDocument, positionOf, wrongValue } from './manifest-document.ts';
import { parseHost } from './network-name.ts';
import { showValue } from './shown-text.ts';

interface Rule {
  /** Where the rule looks; it is left out when something there is wrong already. */
  readonly reads: readonly string[];
  readonly faults: (manifest: AppManifest, document: ManifestDocument) => readonly FieldFault[];
}

/** What the schema cannot say: relations between the fields of one app. */
const rules: readonly Rule[] = [
  { reads: ['/spec/port', '/spec/ports'], faults: portsTwice },
  { reads: ['/spec/port', '/spec/ports', '/spec/domains'], faults: unknownDomainPorts },
  { reads: ['/spec/port', '/spec/ports', '/spec/healthCheck'], faults: unknownProbePort },
  { reads: ['/spec/domains'], faults: redirectsToThemselves },
  { reads: ['/spec/volumes'], faults: volumeShapes },
  { reads: ['/spec/volumes', '/spec/files'], faults: mountsTwice },
  { reads: ['/spec/dependsOn'], faults: dependenciesTwice },
  { reads: ['/spec/ports', '/spec/replicas'], faults: replicasOnHostPort },
  { reads: ['/spec/ports', '/spec/deploy/order'], faults: startFirstOnHostPort },
  { reads: ['/metadata/name', '/metadata/renamedFrom'], faults: renamedFromItself },
];

export function appRuleFaults(document: ManifestDocument): readonly FieldFault[] {
  return rules
    .filter(({ reads }) => reads.every((pointer) => isSound(document, pointer)))
    .flatMap(({ faults }) => faults(document.value, document));
}

export interface DeclaredPort {
  readonly name: string;
  readonly container: number;
  readonly protocol: 'tcp' | 'udp';
  readonly pointer: string;
}

/** `port` and `ports` as one list. */
export function declaredPorts({ spec }: AppManifest): readonly DeclaredPort[] {
  const short: readonly DeclaredPort[] =
    spec.port === undefined
      ? []
      : [{ name: 'http', container: spec.port, protocol: 'tcp', pointer: '/spec/port' }];
  return [
    ...short,
    ...spec.ports.map(({ name, container, protocol }, index) => ({
      name,
      container,
      protocol,
      pointer: `/spec/ports/${index}`,
    })),
  ];
}

/** The port that a health check asks: the one it names, else `http`, else the only one. */
export function probePort(manifest: AppManifest): number | undefined {
  const { http, tcp } = manifest.spec.healthCheck;
  const asked = (http ?? tcp)?.port;
  const ports = declaredPorts(manifest).filter(({ protocol }) => protocol === 'tcp');
  if (asked !== undefined) {
    return ports.find(({ name, container }) => name === asked || container === asked)?.container;
  }
  const named = ports.find(({ name }) => name === 'http');
  return (named ?? (ports.length === 1 ? ports[0] : undefined))?.container;
}

function portsTwice(manifest: AppManifest, document: ManifestDocument): readonly FieldFault[] {
  const ports = declaredPorts(manifest);
  const nameAt = ({ pointer }: DeclaredPort) => (pointer === '/spec/port' ? pointer : `${pointer}/name`);
  const numberAt = ({ pointer }: DeclaredPort) =>
    pointer === '/spec/port' ? pointer : `${pointer}/container`;
  return [
    ...repeated(
      ports,
      document,
      ({ name }) => name,
      nameAt,
      (name) => `port name ${showValue(name)}`,
    ),
    ...repeated(
      ports,
      document,
      ({ container, protocol }) => `${container}/${protocol}`,
      numberAt,
      (port) => `port ${port}`,
    ),
  ];
}

function unknownDomainPorts(manifest: AppManifest): readonly FieldFault[] {
  const ports = declaredPorts(manifest).filter(({ protocol }) => protocol === 'tcp');
  const names = ports.map(({ name }) => name);
  return manifest.spec.domains.flatMap((domain, index) => {
    const port = typeof domain === 'string' ? 'http' : domain.port;
    if (names.includes(port)) return [];
    const host = typeof domain === 'string' ? domain : domain.host;
    const written = typeof domain === 'string' ? '' : '/port';
    return wrongValue(`/spec/domains/${index}${written}`, {
      code: 'E1302',
      message: `domain ${showValue(host)} needs tcp port "${port}", which the app does not have`,
      hint: portHint(port, names),
    });
  });
}

function portHint(port: string, names: readonly string[]): string {
  const meant = didYouMean(port, names);
  if (meant !== undefined) return `did you mean "${meant}"?`;
  if (names.length === 0) return 'add "port: 8080" with the port that the app listens on';
  return `name one of its ports: ${names.join(', ')}`;
}

function unknownProbePort(manifest: AppManifest): readonly FieldFault[] {
  const { http, tcp } = manifest.spec.healthCheck;
  const kind = http !== undefined ? 'http' : tcp !== undefined ? 'tcp' : undefined;
  if (kind === undefined || probePort(manifest) !== undefined) return [];
  const asked = (http ?? tcp)?.port;
  const pointer = `/spec/healthCheck/${kind}`;
  return asked === undefined
    ? [{ pointer, under: 'key', fault: noProbePort }]
    : [wrongValue(`${pointer}/port`, unknownPort(asked, tcpNames(manifest)))];
}

const noProbePort = {
  code: 'E1303',
  message: 'the health check has no port to ask',
  hint: 'give it "port", or name one of the ports "http"',
};

function tcpNames(manifest: AppManifest): readonly string[] {
  return declaredPorts(manifest).flatMap(({ name, protocol }) => (protocol === 'tcp' ? name : []));
}

function unknownPort(port: string | number, names: readonly string[]) {
  const meant = typeof port === 'string' ? didYouMean(port, names) : undefined;
  return {
    code: 'E1303',
    message: `the health check asks tcp port ${showValue(port)}, which the app does not have`,
    hint:
      meant === undefined
        ? 'declare it under "ports": only declared ports are asked'
        : `did you mean "${meant}"?`,
  };
}

function redirectsToThemselves({ spec }: AppManifest): readonly FieldFault[] {
  return spec.domains.flatMap((domain, index) =>
    typeof domain === 'string'
      ? []
      : domain.redirectFrom.flatMap((from, place) =>
          parseHost(from) === parseHost(domain.host)
            ? wrongValue(`/spec/domains/${index}/redirectFrom/${place}`, {
                code: 'E1304',
                message: `${showValue(from)} would redirect to itself`,
              })
            : [],
        ),
  );
}

function volumeShapes({ spec }: AppManifest, { places }: ManifestDocument): readonly FieldFault[] {
  return spec.volumes.flatMap((volume, index) => {
    const kind = volume.name !== undefined ? 'name' : volume.hostPath !== undefined ? 'hostPath' : 'tmpfs';
    const foreign = { name: ['size'], hostPath: ['retain', 'size'], tmpfs: ['retain', 'readOnly'] }[kind];
    return foreign
      .map((field) => `/spec/volumes/${index}/${field}`)
      .filter((pointer) => places.has(pointer))
      .map((pointer) => ({
        pointer,
        under: 'key' as const,
        fault: { code: 'E1208', message: `"${fieldLabel(pointer)}" cannot stand beside "${kind}"` },
      }));
  });
}

function mountsTwice({ spec }: AppManifest, document: ManifestDocument): readonly FieldFault[] {
  const mounts = [
    ...spec.volumes.map(({ mount }, index) => ({ mount, pointer: `/spec/volumes/${index}/mount` })),
    ...spec.files.map(({ mount }, index) => ({ mount, pointer: `/spec/files/${index}/mount` })),
  ];
  const named = spec.volumes.flatMap(({ name }, index) =>
    name === undefined ? [] : { name, pointer: `/spec/volumes/${index}/name` },
  );
  const at = ({ pointer }: { pointer: string }) => pointer;
  return [
    ...repeated(
      mounts,
      document,
      ({ mount }) => mount.replace(/\/$/, ''),
      at,
      (mount) => `mount ${showValue(mount)}`,
    ),
    ...repeated(
      named,
      document,
      ({ name }) => name,
      at,
      (name) => `volume ${showValue(name)}`,
    ),
  ];
}

function dependenciesTwice({ spec }: AppManifest, document: ManifestDocument): readonly FieldFault[] {
  const entries = spec.dependsOn.map((entry, index) => ({
    app: typeof entry === 'string' ? entry : entry.app,
    pointer: `/spec/dependsOn/${index}${typeof entry === 'string' ? '' : '/app'}`,
  }));
  return repeated(
    entries,
    document,
    ({ app }) => app,
    ({ pointer }) => pointer,
    (app) => `dependency ${showValue(app)}`,
  );
}

function replicasOnHostPort({ spec }: AppManifest): readonly FieldFault[] {
  const port = spec.ports.find(({ host }) => host !== undefined)?.host;
  if (port === undefined || spec.replicas < 2) return [];
  return [
    wrongValue('/spec/replicas', {
      code: 'E1305',
      message: `${spec.replicas} replicas cannot all publish host port ${port}`,
      hint: 'use one replica, or reach the app by a domain',
    }),
  ];
}

function startFirstOnHostPort({ spec }: AppManifest): readonly FieldFault[] {
  const port = spec.ports.find(({ host }) => host !== undefined)?.host;
  if (port === undefined || spec.deploy.order !== 'start-first') return [];
  return [
    wrongValue('/spec/deploy/order', {
      code: 'E1306',
      message: `start-first needs host port ${port} twice at once`,
      hint: 'remove the line: an app with a host port is replaced stop-first',
    }),
  ];
}

function renamedFromItself({ metadata }: AppManifest): readonly FieldFault[] {
  if (metadata.renamedFrom !== metadata.name) return [];
  return [wrongValue('/metadata/renamedFrom', { code: 'E1307', message: 'the app already bears this name' })];
}

/** Every item whose key an item before it has; the other place is the first one. */
function repeated<Item>(
  items: readonly Item[],
  document: ManifestDocument,
  keyOf: (item: Item) => string,
  pointerOf: (item: Item) => string,
  describe: (key: string) => string,
): readonly FieldFault[] {
  const first = new Map<string, Item>();
  return items.flatMap((item) => {
    const key = keyOf(item);
    const before = first.get(key);
    if (before === undefined) first.set(key, item);
    if (before === undefined) return [];
    const other = positionOf(document, pointerOf(before));
    return wrongValue(pointerOf(item), { code: 'E1301', message: `${describe(key)} is given twice`, other });
  });
}
