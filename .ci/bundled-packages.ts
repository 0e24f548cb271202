import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Where it lies, from the project's root. */
  readonly folder: string;
}

/** The packages of others that a bundle has code of, by name. */
export function bundledPackages(outputs: Metafile['outputs']): BundledPackage[] {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([file]) => file),
  );
  const folders = new Set(
    files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []),
  );
  return [...folders]
    .map(describe)
    .sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
}

/** What their licences ask for: each one's text goes with its code. */
export function licenceTexts(packages: readonly BundledPackage[]): string {
  return packages
    .map(({ name, version, license, folder }) => `${name} ${version} (${license})\n\n${licenceText(folder)}`)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function describe(folder: string): BundledPackage {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Omit<
    BundledPackage,
    'folder'
  >;
  return { name, version, license, folder };
}

/** Some bring no text of their licence: then it stands at the top of their files, or nowhere. */
function licenceText(folder: string): string {
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|copying)(?:[.-]|$)/i.test(file));
  if (files.length > 0)
    return files.map((file) => `${readFileSync(join(folder, file), 'utf8').trim()}\n`).join('\n');
  const { author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly author?: string;
  };
  const notices = readdirSync(folder)
    .filter((file) => file.endsWith('.js'))
    .flatMap(
      (file) => /^(?:\/\/.*\n|\/\*[\s\S]*?\*\/\n)+/.exec(readFileSync(join(folder, file), 'utf8')) ?? [],
    )
    .filter((comment) => comment.includes('Copyright'));
  return [`By ${author}. It brings no file with its licence.\n`, ...notices].join('\n');
}
