import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StartedEngine } from './engine.ts';
import { freePort, freeSubnet } from './free-places.ts';

/** Everything that the demo makes on disk stands below `root`. */
export interface DemoPlace {
  readonly project: string;
  readonly root: string;
  /** A person's clone of the config repo. */
  readonly config: string;
  /** Where the forge keeps its repositories. */
  readonly repositories: string;
  /** Each holds one secret, and is read by its owner alone: age identity, the forge's token, the webhook's secret. */
  readonly identity: string;
  readonly forgeToken: string;
  readonly hookSecret: string;
  readonly settings: string;
  readonly controllerLog: string;
  readonly images: string;
}

export interface DemoPorts {
  readonly http: number;
  readonly api: number;
  readonly forge: number;
}

export const instance = 'demo';
/** Who may read and write the forge's repositories. */
export const forgeUser = 'demo';

export const place: DemoPlace = inside(dirname(import.meta.dirname));

/** Writes `plimsoll.yaml`, with ports and a subnet that nothing uses. */
export async function writeSettings(): Promise<DemoPorts> {
  const wanted = [8088, 8448, 2088, 7388, 3088];
  const [http, https, admin, api, forge] = await Promise.all(wanted.map(freePort));
  const subnet = await freeSubnet(['10.213.88.0/24', '172.31.188.0/24', '192.168.213.0/24']);
  if (http === undefined || api === undefined || forge === undefined) throw new Error('no ports');
  await mkdir(place.root, { recursive: true, mode: 0o700 });
  // JSON is YAML: every text is quoted as it must be.
  const text = (value: string): string => JSON.stringify(value);
  await writeFile(
    place.settings,
    `# The demo's controller; see "Controller configuration" in the README.
instance: ${instance}
source:
  url: http://127.0.0.1:${forge}/config.git
  branch: main
  # The forge tells of every push; this is for webhooks that get lost.
  interval: 1m
  auth:
    username: ${forgeUser}
    token:
      file: ${text(place.forgeToken)}
webhooks:
  github:
    secrets:
      - file: ${text(place.hookSecret)}
secrets:
  identity: ${text(place.identity)}
stateDir: ${text(join(place.root, 'state'))}
docker:
  subnet: ${subnet}
caddy:
  # The controller starts a Caddy of its own, which leaves ports 80 and 443 alone.
  manage: process
  admin: http://127.0.0.1:${admin}
  httpPort: ${http}
  httpsPort: ${https}
api:
  listen: 127.0.0.1:${api}
`,
  );
  return { http, api, forge };
}

/** Remembers a process, so that a later `--down` finds it. */
export async function rememberPid(name: string, pid: number): Promise<void> {
  await writeFile(join(place.root, `${name}.pid`), `${pid}\n`);
}

/** The remembered process, when it still is what was started: a pid may have gone to another program. */
export async function rememberedPid(name: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(place.root, `${name}.pid`), 'utf8').catch(() => ''));
  return pid > 0 && commandOf(pid).includes(place.root) ? pid : undefined;
}

export async function rememberEngine(engine: StartedEngine | undefined): Promise<void> {
  if (engine) await writeFile(join(place.root, 'engine.json'), JSON.stringify(engine));
}

/** The engine that an earlier demo started. */
export async function rememberedEngine(): Promise<StartedEngine | undefined> {
  const text = await readFile(join(place.root, 'engine.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as StartedEngine);
}

export async function removePlace(): Promise<void> {
  await rm(place.root, { recursive: true, force: true });
}

/** The arguments of a running process; empty when there is none, and for one that has ended. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** The Caddy that the demo's controller started, told by the configuration that it was started with. */
export function demoCaddies(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => /^\S*caddy run /.test(commandOf(pid)) && commandOf(pid).includes(` ${place.root}/`));
}

function inside(project: string): DemoPlace {
  const root = join(project, '.demo');
  return {
    project,
    root,
    config: join(root, 'config'),
    repositories: join(root, 'repositories'),
    identity: join(root, 'age.key'),
    forgeToken: join(root, 'forge-token'),
    hookSecret: join(root, 'webhook-secret'),
    settings: join(root, 'plimsoll.yaml'),
    controllerLog: join(root, 'controller.log'),
    images: join(root, 'image'),
  };
}
