import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, freeSubnet } from '../.ci/free-places.ts';
import { instance } from './workbench.ts';

export interface Settings {
  /** `plimsoll.yaml`. */
  readonly file: string;
  readonly stateDir: string;
  /** Where Caddy answers for the apps. */
  readonly http: number;
  /** Where its API answers, and its webhooks. */
  readonly api: number;
}

let networks = 0;

/** Writes the configuration of a controller with ports and a subnet that nothing uses; `over` goes over it. */
export async function writeSettings(
  folder: string,
  over: { readonly source: object; readonly webhooks?: object },
): Promise<Settings> {
  const http = await freePort(8188);
  const https = await freePort(8548);
  const admin = await freePort(2188);
  const api = await freePort(7488);
  // Two addresses for each replica: a /24 would not do for a hundred apps.
  const subnet = await freeSubnet([
    '10.214.0.0/20',
    '10.215.0.0/20',
    '10.216.0.0/20',
    // An engine may keep a network of which it has lost count: each controller of a run needs one of its own.
    ...Array.from({ length: 12 }, (_, index) => `10.${217 + index}.0.0/20`),
    '172.31.0.0/20',
    '192.168.224.0/20',
  ]);
  const file = join(folder, 'plimsoll.yaml');
  const stateDir = join(folder, 'state');
  await mkdir(folder, { recursive: true });
  // JSON is YAML.
  const settings = {
    instance,
    stateDir,
    // Of this part alone: an engine may not give up the one before, and that one has another subnet.
    docker: { subnet, network: `plimsoll-${instance}-${++networks}` },
    caddy: { manage: 'process', admin: `http://127.0.0.1:${admin}`, httpPort: http, httpsPort: https },
    api: { listen: `127.0.0.1:${api}` },
    ...over,
  };
  await writeFile(file, `${JSON.stringify(settings, null, 2)}\n`);
  return { file, stateDir, http, api };
}
