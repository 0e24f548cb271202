import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import Docker from 'dockerode';
import { runProgram } from './run-program.ts';

/** The images that the Dockerfile and the compose file begin with, where no registry can be asked for them. */
export interface BaseImages {
  /** Which of them are not the ones that the name promises. */
  readonly standIns: readonly string[];
  remove(): Promise<void>;
}

const mark = 'plimsoll.stand-in';
/** Takes minutes to make, so it stays on the engine, as other images of tests do. */
const debian = 'plimsoll-test/debian:bookworm';

/**
 * Debian's packages under the names of images that cannot be pulled: this project's Node with npm, and Debian's Caddy,
 * each with the settings that the real image is known for. A real image that stands there is used, and left alone.
 */
export async function ensureBaseImages(
  { node, caddy }: { readonly node: string; readonly caddy: string },
  say: (line: string) => void,
): Promise<BaseImages> {
  const docker = new Docker();
  const wanted = [
    [node, makeNode],
    [caddy, makeCaddy],
  ] as const;
  const standIns: string[] = [];
  const remove = async (): Promise<void> => {
    for (const name of standIns) if (await isStandIn(docker, name)) await docker.getImage(name).remove();
  };
  for (const [name, make] of wanted) {
    if ((await isStandIn(docker, name)) === false) {
      say(`${name}: the image that is here`);
      continue;
    }
    await ensureDebian(docker, say);
    const folder = mkdtempSync(join(tmpdir(), 'plimsoll-base-'));
    try {
      make(folder);
      await run('docker', 'build', '--tag', name, '--label', `${mark}=true`, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    standIns.push(name);
    say(`${name}: a stand-in from Debian's packages, as no such image is here`);
  }
  return { standIns, remove };
}

/** Undefined when there is no image of this name. */
async function isStandIn(docker: Docker, name: string): Promise<boolean | undefined> {
  try {
    return (await docker.getImage(name).inspect()).Config.Labels?.[mark] !== undefined;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

/** The smallest Debian that can install packages, from the packages themselves. */
async function ensureDebian(docker: Docker, say: (line: string) => void): Promise<void> {
  if ((await isStandIn(docker, debian)) !== undefined) return;
  say(`${debian}: from Debian's packages (some minutes, once)`);
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-debian-'));
  try {
    const root = join(folder, 'root');
    await run('debootstrap', '--variant=minbase', 'bookworm', root);
    const tar = join(folder, 'root.tar');
    const without = ['./var/cache/apt/archives/*.deb', './var/lib/apt/lists/*'];
    await run('tar', '-C', root, ...without.map((files) => `--exclude=${files}`), '-cf', tar, '.');
    await run('docker', 'import', '--change', `LABEL ${mark}=true`, tar, debian);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeNode(folder: string): void {
  copyFileSync(process.execPath, join(folder, 'node'));
  const npm = dirname(dirname(realpathSync(programPath('npm'))));
  cpSync(npm, join(folder, 'npm'), { recursive: true });
  // Whom this machine trusts, as its own npm does: a proxy of its network may have a certificate of its own.
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  if (certificates && existsSync(certificates)) copyFileSync(certificates, join(folder, 'trusted.crt'));
  else writeFileSync(join(folder, 'trusted.crt'), '');
  writeDockerfile(folder, [
    'COPY node /usr/local/bin/node',
    'COPY npm /usr/local/lib/node_modules/npm',
    'COPY trusted.crt /etc/trusted.crt',
    'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
    'ENV NODE_EXTRA_CA_CERTS=/etc/trusted.crt',
    'CMD ["node"]',
  ]);
}

function makeCaddy(folder: string): void {
  copyFileSync(programPath('caddy'), join(folder, 'caddy'));
  writeDockerfile(folder, [
    'COPY caddy /usr/bin/caddy',
    'ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data',
    'WORKDIR /srv',
    'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
  ]);
}

function writeDockerfile(folder: string, lines: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Dockerfile'), [`FROM ${debian}`, ...lines, ''].join('\n'));
}

function programPath(name: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { code, output } = await runProgram(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}:\n${output.trim().slice(-4_000)}`);
}
