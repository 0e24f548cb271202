import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { BundledPackage } from './bundled-packages.ts';

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Component {
  readonly 'bom-ref': string;
  readonly type: 'library';
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly object[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

/**
 * What is shipped, in CycloneDX: the packages that the bundle has code of, those that are installed beside it, and the
 * SQLite in one of them. npm knows only the second kind. Without time and serial number, so that the same sources
 * give the same text.
 */
export function makeSbom(bundled: readonly BundledPackage[]): string {
  const { name, version, dependencies } = readJson('package.json') as Locked & { readonly name: string };
  const { packages } = readJson('package-lock.json') as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  const locked = (folder: string): Locked => {
    const found = packages[folder];
    if (found === undefined) throw new Error(`${folder} is not in package-lock.json`);
    return found;
  };
  const installed = new Set<string>();
  const install = (names: Readonly<Record<string, string>> = {}): void => {
    for (const folder of Object.keys(names).map((one) => `node_modules/${one}`)) {
      if (installed.has(folder)) continue;
      installed.add(folder);
      install(locked(folder).dependencies);
    }
  };
  install(dependencies);
  const components = [
    ...bundled.map(({ folder }) => component(folder, locked(folder), 'bundled')),
    ...[...installed].map((folder) => component(folder, locked(folder), 'installed beside')),
    sqlite(),
  ]
    .filter((one, index, all) => all.findIndex((other) => other.purl === one.purl) === index)
    .sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
  const purl = `pkg:npm/${name}@${version}`;
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { 'bom-ref': purl, type: 'application', name, version, purl } },
    components,
    dependencies: [{ ref: purl, dependsOn: components.map((one) => one['bom-ref']) }],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

function component(
  folder: string,
  { version, integrity = '', license = '' }: Locked,
  how: string,
): Component {
  const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const [, digest] = /^sha512-(\S+)$/.exec(integrity) ?? [];
  if (digest === undefined) throw new Error(`${folder} has no SHA-512 in package-lock.json`);
  // The @ of a scope is the one character of npm's names that a package URL escapes.
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    'bom-ref': purl,
    type: 'library',
    name,
    version,
    purl,
    licenses: [/[ ()]/.test(license) ? { expression: license } : { license: namedLicense(license) }],
    hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
    properties: [{ name: 'plimsoll:shipped', value: how }],
  };
}

/** A licence of SPDX's list goes by its id; one package writes its own in the list's former way. */
function namedLicense(license: string): object {
  const id = license.replace(/^(LGPL-[\d.]+)\+$/, '$1-or-later');
  return { id };
}

/** It is compiled into better-sqlite3, and its faults are looked up by its own name. */
function sqlite(): Component {
  const database = new Database(':memory:');
  const version = database.prepare('SELECT sqlite_version()').pluck().get() as string;
  database.close();
  const purl = `pkg:generic/sqlite@${version}`;
  return {
    'bom-ref': purl,
    type: 'library',
    name: 'sqlite',
    version,
    purl,
    licenses: [{ license: { id: 'blessing' } }],
    properties: [{ name: 'plimsoll:shipped', value: 'compiled into better-sqlite3' }],
  };
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
