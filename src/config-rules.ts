import type { Config, SourceSettings } from './config.ts';
import { type FieldFault, fieldLabel } from './desired/explain-error.ts';
import { wrongValue } from './desired/manifest-document.ts';
import { parseSelector } from './desired/selector.ts';
import { showValue } from './desired/shown-text.ts';
import { checkFolder, checkUrl, isRefName } from './git/source-address.ts';
import { isSafeAddress, safeAddress } from './secrets/http-provider.ts';

type Checked = {
  readonly api: Pick<Config['api'], 'tokens'>;
  readonly caddy: Pick<Config['caddy'], 'httpPort' | 'httpsPort'>;
  readonly docker: Pick<Config['docker'], 'subnet'>;
  readonly secrets: Pick<Config['secrets'], 'providers'>;
  readonly source: Where;
  readonly sources: readonly (Where & { readonly name: string })[];
};

type Where = Pick<SourceSettings, 'url' | 'dir' | 'path' | 'branch' | 'tag' | 'commit' | 'semver'>;

/** What the schema cannot say of a configuration that it allows. */
export function configFaults({
  source,
  sources,
  api,
  caddy,
  docker,
  secrets,
}: Checked): readonly FieldFault[] {
  return [
    ...sourceFaults(source, '/source'),
    ...sources.flatMap((one, index) => [
      ...sourceFaults(one, `/sources/${index}`),
      ...neither(one, `/sources/${index}`),
    ]),
    ...namedTwice(sources, '/sources', 'source'),
    ...namedTwice(api.tokens, '/api/tokens', 'token'),
    ...api.tokens.flatMap(({ selector }, index) =>
      selector === undefined || parseSelector(selector) !== undefined
        ? []
        : unexpected(`/api/tokens/${index}/selector`, 'a selector such as "team=web,!legacy"', selector),
    ),
    ...(caddy.httpPort === caddy.httpsPort
      ? [wrongValue('/caddy/httpsPort', { code: 'E1301', message: `port ${caddy.httpPort} is given twice` })]
      : []),
    ...(isWholeSubnet(docker.subnet)
      ? []
      : unexpected('/docker/subnet', 'a subnet without bits of an address in it', docker.subnet)),
    ...(isSafeAddress(secrets.providers.http?.url ?? 'https://nobody')
      ? []
      : [
          wrongValue('/secrets/providers/http/url', {
            code: 'E1206',
            message: `"url" must be ${safeAddress}`,
          }),
        ]),
  ];
}

function isWholeSubnet(subnet: string): boolean {
  const [address = '', bits] = subnet.split('/');
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return number % 2 ** (32 - Number(bits)) === 0;
}

function sourceFaults(source: Where, pointer: string): readonly FieldFault[] {
  const { url, dir, path, branch, tag } = source;
  const followed = (['branch', 'tag', 'commit', 'semver'] as const).filter(
    (field) => source[field] !== undefined,
  );
  return [
    ...(url !== undefined && dir !== undefined ? [beside(`${pointer}/dir`, 'url')] : []),
    ...followed.slice(1).map((field) => beside(`${pointer}/${field}`, followed[0] ?? '')),
    ...(url === undefined ? [] : refusal(`${pointer}/url`, () => checkUrl(url))),
    ...refusal(`${pointer}/path`, () => checkFolder(path)),
    ...Object.entries({ branch, tag }).flatMap(([field, name]) =>
      name === undefined || isRefName(name)
        ? []
        : unexpected(`${pointer}/${field}`, `the name of a ${field}`, name),
    ),
  ];
}

/** A single source may still be given by `--source`. */
function neither({ url, dir }: Where, pointer: string): readonly FieldFault[] {
  if (url !== undefined || dir !== undefined) return [];
  const message = `"${fieldLabel(pointer)}" needs exactly one of "url" and "dir"`;
  return [wrongValue(pointer, { code: 'E1208', message })];
}

function beside(pointer: string, first: string): FieldFault {
  const message = `"${fieldLabel(pointer)}" cannot stand beside "${first}"`;
  return { pointer, under: 'key', fault: { code: 'E1208', message, hint: 'keep one of the two' } };
}

function unexpected(pointer: string, expects: string, value: string): readonly FieldFault[] {
  const message = `"${fieldLabel(pointer)}" must be ${expects}, not ${showValue(value)}`;
  return [wrongValue(pointer, { code: 'E1206', message })];
}

/** What the check has against it. It names no address: that may hold a password. */
function refusal(pointer: string, check: () => unknown): readonly FieldFault[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'EdgeError') throw error;
    return [
      wrongValue(pointer, { code: 'E1206', message: error.message.replace(/^configure source: /, '') }),
    ];
  }
}

function namedTwice(
  items: readonly { readonly name: string }[],
  pointer: string,
  what: string,
): readonly FieldFault[] {
  const seen = new Set<string>();
  return items.flatMap(({ name }, index) => {
    const isKnown = seen.has(name);
    seen.add(name);
    const message = `${what} name "${name}" is used twice`;
    return isKnown ? [wrongValue(`${pointer}/${index}/name`, { code: 'E1301', message })] : [];
  });
}
