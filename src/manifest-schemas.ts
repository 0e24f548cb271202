import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, packageRoot } from './config.ts';
import type { LoadContext, Schemas } from './desired/load-desired.ts';

export function manifestSchemas(): Schemas {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(packageRoot, 'schemas', `${name}.schema.json`), 'utf8')) as object;
  return { app: read('app'), secret: read('secret'), project: read('project') };
}

/** What this host's configuration adds to the manifests. */
export function loadContext({ policy, environment }: Config): Omit<LoadContext, 'incumbents' | 'opened'> {
  return { policy, ...(environment === undefined ? {} : { environment }) };
}
