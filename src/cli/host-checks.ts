import { readFile } from 'node:fs/promises';
import type { Desired } from '../desired/desired.ts';
import { shorten } from '../desired/shown-text.ts';
import type { CliConfig } from './context.ts';
import type { Check } from './doctor.ts';
import type { Host } from './host.ts';
import type { Finding } from './local-checks.ts';
import { shortRevision } from './short-text.ts';

/** The oldest engine API that is spoken: Docker 20.10. */
const oldestApi = [1, 41] as const;
/** From here on Caddy's admin API refuses a foreign Origin by itself. */
const safeCaddy = [2, 11, 1] as const;

/** Engine, source and Caddy, asked for what they are now. */
export function hostChecks(host: Host, config: CliConfig): Check[] {
  let desired: Desired | undefined;
  return [
    { name: 'engine', run: () => checkEngine(host) },
    {
      name: 'source',
      run: async () => {
        const snapshot = await host.snapshot();
        desired = await host.desired(snapshot);
        return checkManifests(desired);
      },
    },
    { name: 'caddy', run: () => checkCaddy(host, () => desired) },
    { name: 'slots', run: () => checkFlags(host) },
    { name: 'reloads', run: () => checkReloads() },
    { name: 'caddy admin', run: () => checkAdmin(host, adminOf(config)) },
  ];
}

async function checkEngine(host: Host): Promise<Finding> {
  const { name, version, apiVersion } = await host.engineVersion();
  const message = `${name} ${version}, API ${apiVersion}`;
  return isAtLeast(apiVersion, oldestApi)
    ? { status: 'ok', message }
    : { status: 'fail', message, hint: 'Docker 20.10 or newer is needed' };
}

function checkManifests({ revision, apps, problems }: Desired): Finding {
  const message = `${apps.length} ${apps.length === 1 ? 'app' : 'apps'} at ${shortRevision(revision)}`;
  const count = problems.length;
  return count === 0
    ? { status: 'ok', message }
    : {
        status: 'warn',
        message: `${message}, ${count} ${count === 1 ? 'problem' : 'problems'} in manifests`,
        hint: 'plimsoll validate shows each with its place',
      };
}

/** A host without domains needs no Caddy. */
async function checkCaddy(host: Host, desired: () => Desired | undefined): Promise<Finding> {
  const [version, { state, message, routes }] = await Promise.all([
    host.proxy.version(),
    host.proxy.observe(),
  ]);
  if (state === 'unreachable' || version === undefined) {
    const isNeeded = desired()?.apps.some(({ domains }) => domains.length > 0) ?? true;
    const told = {
      message: message ?? 'it does not answer',
      hint: 'start Caddy, or set caddy.admin to where it listens',
    };
    return isNeeded ? { status: 'fail', ...told, unobservable: true } : { status: 'warn', ...told };
  }
  const named = version === 'unknown' ? 'of an unknown version' : version;
  return state === 'running'
    ? { status: 'ok', message: `Caddy ${named}, ${routes.length} routes` }
    : {
        status: 'warn',
        message: `Caddy ${named} runs something else than plimsoll loaded: ${message ?? state}`,
        hint: 'what is edited by hand is replaced at the next look; other sites belong in the template',
      };
}

async function checkFlags(host: Host): Promise<Finding> {
  if ((await host.proxy.version()) === undefined) return { status: 'warn', message: 'Caddy does not answer' };
  return (await host.proxy.seesFlags())
    ? { status: 'ok', message: 'Caddy sees the slot flags: a rollout does not reload it' }
    : {
        status: 'warn',
        message: 'Caddy does not see the slot flags',
        hint: 'let it read caddy.slots under the same path (in a container: mount it there), once the controller has loaded its routes',
      };
}

/**
 * What becomes of connections that are being made while Caddy loads: it opens its ports anew and closes the old ones,
 * and Linux resets what waited there, or hands it on
 * (https://docs.kernel.org/networking/ip-sysctl.html, tcp_migrate_req).
 */
export async function checkReloads(setting = '/proc/sys/net/ipv4/tcp_migrate_req'): Promise<Finding> {
  const value = await readFile(setting, 'utf8').catch(() => undefined);
  if (value === undefined)
    return {
      status: 'warn',
      message:
        'a change of routes may reset connections that are being made, and this system cannot do better',
      hint: 'Linux 5.14 or newer, with net.ipv4.tcp_migrate_req=1, hands them on',
    };
  return Number(value) > 0
    ? { status: 'ok', message: 'a change of routes resets no connection that is being made' }
    : {
        status: 'warn',
        message: 'a change of routes may reset connections that are being made',
        hint: 'sysctl -w net.ipv4.tcp_migrate_req=1, and the same in /etc/sysctl.d; docker/install.sh does both',
      };
}

async function checkAdmin(host: Host, admin: string): Promise<Finding> {
  if (admin.startsWith('unix/')) return { status: 'ok', message: `${shorten(admin, 100)} is a socket` };
  const hostname = URL.parse(admin)?.hostname ?? '';
  if (!/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
    return {
      status: 'fail',
      message: `${shorten(admin, 100)} is not this machine alone: who reaches it controls all traffic`,
      hint: 'let Caddy listen on 127.0.0.1 or on a Unix socket',
    };
  const version = await host.proxy.version();
  if (version === undefined) return { status: 'warn', message: 'Caddy does not answer' };
  if (isAtLeast(version, safeCaddy)) return { status: 'ok', message: `${admin} refuses foreign origins` };
  return {
    status: 'warn',
    message: 'Caddy before 2.11.1 lets web pages of any origin reach its admin API',
    hint: 'set enforce_origin in the template, or let it listen on a Unix socket: caddy.admin: unix//run/caddy/admin.sock',
  };
}

/** `2.11` is at least `[2, 9]`; what is no version is not. */
function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const parts = (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? '0').split('.').map(Number);
  for (const [index, least] of wanted.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

function adminOf({ shown }: CliConfig): string {
  const caddy: unknown = Object.getOwnPropertyDescriptor(shown ?? {}, 'caddy')?.value;
  const admin: unknown = Object.getOwnPropertyDescriptor(caddy ?? {}, 'admin')?.value;
  return typeof admin === 'string' ? admin : '';
}
