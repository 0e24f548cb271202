import type { AppItem } from '../api/app-item.ts';
import type { ContainerItem } from '../api/container-item.ts';
import type { HostItem, ImageItem, NetworkItem, RouteItem, VolumeItem } from '../api/host-routes.ts';
import type { DeliveryItem, SourceItem } from '../api/source-routes.ts';
import { didYouMean } from '../desired/did-you-mean.ts';
import { showValue } from '../desired/shown-text.ts';
import { connectApi } from './api-client.ts';
import { appColumns } from './app-columns.ts';
import { addFilterOptions, type FilterOptions, filterQuery } from './app-filter.ts';
import { containerColumns } from './container-columns.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import {
  addClientOptions,
  addExamples,
  addOutputOption,
  type ClientOptions,
  type OutputOptions,
} from './global-options.ts';
import { printValue } from './print-value.ts';
import { shortId, shortRevision, shortTime } from './short-text.ts';
import { sizeText } from './size-text.ts';
import { type Column, formatTable } from './table.ts';

type Options = ClientOptions &
  OutputOptions &
  FilterOptions & { readonly provider?: string; readonly outcome?: string };

/** One kind of thing that can be listed. */
interface Kind<T> {
  readonly columns: readonly Column<T>[];
  /** Where the API has it, when not under its own name. */
  readonly path?: string;
  /** Its items belong to apps, which selectors choose by. */
  readonly ofApps?: true;
}

const kinds = {
  apps: { columns: appColumns, ofApps: true } satisfies Kind<AppItem>,
  containers: {
    columns: [{ title: 'APP', text: ({ app }) => app }, ...containerColumns],
    ofApps: true,
  } satisfies Kind<ContainerItem>,
  networks: {
    columns: [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'OURS', text: ({ ours }) => (ours ? 'yes' : 'no') },
      { title: 'SUBNET', text: ({ subnet }) => subnet },
      { title: 'CREATED', text: ({ created }) => shortTime(created) },
      { title: 'ID', text: ({ id }) => shortId(id) },
      { title: 'USED BY', text: ({ apps }) => apps.join(', ') },
    ],
    ofApps: true,
  } satisfies Kind<NetworkItem>,
  volumes: {
    columns: [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'OURS', text: ({ ours }) => (ours ? 'yes' : 'no') },
      { title: 'SIZE', text: ({ bytes }) => (bytes === null ? '' : sizeText(bytes)) },
      { title: 'CREATED', text: ({ created }) => shortTime(created) },
      { title: 'USED BY', text: ({ apps }) => apps.join(', ') },
    ],
    ofApps: true,
  } satisfies Kind<VolumeItem>,
  images: {
    columns: [
      { title: 'NAME', text: ({ name, id }) => (name === id ? '' : name) },
      { title: 'ID', text: ({ id }) => shortId(id) },
      { title: 'SIZE', text: ({ bytes }) => sizeText(bytes) },
      { title: 'CREATED', text: ({ created }) => shortTime(created) },
      { title: 'USED BY', text: ({ apps }) => apps.join(', ') },
    ],
    ofApps: true,
  } satisfies Kind<ImageItem>,
  hosts: {
    columns: [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'STATUS', text: ({ status }) => status },
      { title: 'ENGINE', text: ({ engine }) => (engine === null ? '' : `${engine.name} ${engine.version}`) },
      { title: 'CADDY', text: ({ caddy }) => [caddy.state, caddy.version].filter(Boolean).join(' ') },
      { title: 'CPUS', text: ({ cpus }) => (cpus === null ? '' : String(cpus)) },
      { title: 'MEMORY', text: ({ memoryBytes }) => (memoryBytes === null ? '' : sizeText(memoryBytes)) },
      { title: 'DISK FREE', text: ({ disk }) => (disk === null ? '' : sizeText(disk.freeBytes)) },
      { title: 'APPS', text: ({ apps }) => String(apps) },
      { title: 'OS', text: ({ os, error }) => error ?? os ?? '' },
    ],
  } satisfies Kind<HostItem>,
  routes: {
    columns: [
      { title: 'HOST', text: ({ host }) => host },
      { title: 'PATH', text: ({ path }) => path },
      { title: 'APP', text: ({ app }) => app },
      { title: 'TLS', text: ({ tls }) => tls },
      { title: 'CERTIFICATE', text: ({ certificate }) => certificate.status },
      { title: 'ENDS', text: ({ certificate }) => shortTime(certificate.notAfter) },
      { title: 'DIALS', text: ({ upstreams }) => upstreams.map(({ dials }) => dials).join(', ') },
      { title: 'ERROR', text: ({ certificate }) => certificate.error ?? '' },
    ],
    ofApps: true,
  } satisfies Kind<RouteItem>,
  sources: {
    columns: [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'ADDRESS', text: ({ address }) => address },
      { title: 'PATH', text: ({ path }) => path },
      { title: 'FOLLOWS', text: ({ follows, tag }) => (tag === null ? follows : `${follows} (${tag})`) },
      { title: 'REVISION', text: ({ revision }) => shortRevision(revision ?? '') },
      { title: 'READ', text: ({ readAt }) => shortTime(readAt) },
      { title: 'SIGNED BY', text: ({ verification }) => verification?.by ?? '' },
      { title: 'ERROR', text: whyNotNewest },
    ],
  } satisfies Kind<SourceItem>,
  deliveries: {
    path: 'webhooks/deliveries',
    columns: [
      { title: 'RECEIVED', text: ({ receivedAt }) => shortTime(receivedAt) },
      { title: 'PROVIDER', text: ({ provider }) => provider },
      { title: 'EVENT', text: ({ event }) => event },
      { title: 'REPOSITORY', text: ({ repository }) => repository },
      { title: 'REF', text: ({ ref }) => ref },
      { title: 'COMMIT', text: ({ commit }) => shortRevision(commit) },
      {
        title: 'OUTCOME',
        text: ({ outcome, count }) => (count > 1 ? `${outcome} (${count} times)` : outcome),
      },
      { title: 'REASON', text: whatCameOfIt },
    ],
  } satisfies Kind<DeliveryItem>,
};

/** What the contract names and this version has none of. */
const kindsToCome: readonly string[] = ['jobs', 'databases', 'previews'];

export const registerGet: Register = (program, context, run) => {
  const get = program.command('get').description('lists of what stands on the host, and of what it follows');
  addExamples(get, 'plimsoll get apps -l team=web', 'plimsoll get routes -o json');
  for (const [name, kind] of Object.entries(kinds)) {
    const command = get.command(name).description(`list ${name}`);
    if (name === 'deliveries')
      command
        .option('--provider <forge>', 'only of this forge: github, gitlab …')
        .option('--outcome <outcome>', 'only those that ended so: accepted, ignored, invalid, refused');
    if ('ofApps' in kind) addFilterOptions(command);
    addExamples(addOutputOption(addClientOptions(command)), `plimsoll get ${name} -o yaml`).action(
      run((options: Options) => list(context, name, kind as Kind<unknown>, options)),
    );
  }
  // Whatever is no command of its own comes here.
  get
    .usage('<kind> [options]')
    .argument('[kind]')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(
      run(async (kind: string | undefined) => {
        if (kind === undefined || kind.startsWith('-')) return get.help({ error: true });
        throw unknownKind(kind);
      }),
    );
};

function unknownKind(kind: string): CliError {
  if (kindsToCome.includes(kind))
    return new CliError(
      exitCodes.invalid,
      `there are no ${kind} in this version`,
      'plimsoll get --help lists what there is',
    );
  const close = didYouMean(kind, Object.keys(kinds));
  return new CliError(
    exitCodes.usage,
    `no list of ${showValue(kind)}`,
    close ? `did you mean ${close}?` : 'plimsoll get --help lists what there is',
  );
}

async function list(
  context: CliContext,
  name: string,
  { columns, path = name }: Kind<unknown>,
  options: Options,
): Promise<ExitCode> {
  const { output, provider, outcome } = options;
  const found = await connectApi(context, options).list<unknown>(path, {
    ...filterQuery(options),
    provider,
    outcome,
  });
  printValue(context, output, found, () =>
    found.items.length === 0 ? `no ${name}\n` : formatTable(context, columns, found.items),
  );
  return exitCodes.done;
}

function whyNotNewest({ error, verification, nonFastForward }: SourceItem): string {
  if (error) return `${error.reason}: ${error.message}`;
  if (verification?.refused)
    return `${shortRevision(verification.refused.revision)} is not enforced: ${verification.refused.why}`;
  return nonFastForward
    ? `rewritten from ${shortRevision(nonFastForward.from)} at ${shortTime(nonFastForward.at)}`
    : '';
}

function whatCameOfIt({ outcome, reason, look, revision, address }: DeliveryItem): string {
  if (outcome === 'refused') return `${reason}, from ${address}`;
  if (look !== null && revision !== null) return `look ${look} saw ${shortRevision(revision)}`;
  return reason === '' ? 'the look is not over yet' : reason;
}
