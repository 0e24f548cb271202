import { existsSync, readFileSync } from 'node:fs';
import { Agent, type AgentOptions } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import { EdgeError } from '../apply/ports.ts';

/** Where the engine answers, and who said so. */
export type EngineAddress = { readonly from: string } & (
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsFiles }
);

/** Folder with `ca.pem`, `cert.pem` and `key.pem`, as docker's own client keeps them. */
interface TlsFiles {
  readonly folder: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Finds the engine as docker's own client does: what is configured, else `DOCKER_HOST`, else Docker's socket,
 * else Podman's. When there is none at all it is Docker's socket, where the engine may still appear.
 */
export function findEngine(
  env: Env,
  configured?: string,
  exists: (path: string) => boolean = existsSync,
): EngineAddress {
  if (configured) return parseHost(configured, 'docker.host', env);
  const named = env.DOCKER_HOST;
  if (named) return parseHost(named, 'DOCKER_HOST', env);
  const sockets = ['/var/run/docker.sock', '/run/podman/podman.sock', userSocket(env)];
  const path = sockets.find((socket) => socket !== undefined && exists(socket)) ?? '/var/run/docker.sock';
  return { kind: 'socket', path, from: 'default' };
}

/**
 * A client for that engine. It asks for no API version: the engine answers with its own. `kept` is for who reads, and
 * saves a tenth of a list: what is asked next fails when a restarted daemon has closed the connection, and then a question
 * can be asked again, while of an act nobody knows whether it was done.
 */
export function connectEngine(address: EngineAddress, connections: 'fresh' | 'kept' = 'fresh'): Docker {
  // docker-modem fills what is left out from DOCKER_HOST and its like, so everything is said here.
  const none = { host: undefined, port: undefined, ca: undefined, cert: undefined, key: undefined };
  if (address.kind === 'socket') {
    const through = { agent: agentWith({ keepAlive: connections === 'kept' }) };
    return new Docker({ ...none, ...through, socketPath: address.path, protocol: 'http' });
  }
  const { host, port, tls } = address;
  return new Docker({
    ...none,
    host,
    port,
    protocol: tls ? 'https' : 'http',
    ...(tls && readTls(tls.folder)),
  });
}

function agentWith(options: AgentOptions): Agent {
  const agent = new Agent({ ...options, maxFreeSockets: 1 });
  // docker-modem prints the options of every call, whether or not anybody reads it: with the agent, all its open
  // sockets down to the last buffer, which costs more than the call
  // (https://github.com/apocas/docker-modem/blob/v5.0.7/lib/modem.js, buildRequest).
  return Object.assign(agent, { [inspect.custom]: () => 'Agent' });
}

function userSocket(env: Env): string | undefined {
  return env.XDG_RUNTIME_DIR && join(env.XDG_RUNTIME_DIR, 'podman', 'podman.sock');
}

function parseHost(text: string, from: string, env: Env): EngineAddress {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) return { kind: 'socket', path: rest, from };
  if (text.startsWith('/')) return { kind: 'socket', path: text, from };
  const url = ['tcp', 'http', 'https'].includes(scheme) ? URL.parse(`http://${rest}`) : null;
  if (!url?.hostname || url.username || url.password) {
    throw new EdgeError(
      'terminal',
      'InvalidConfig',
      `find engine ${from}: expected unix:///PATH or tcp://HOST:PORT`,
    );
  }
  const verified = Boolean(env.DOCKER_TLS_VERIFY) || scheme === 'https';
  // Not `url.port`: it is empty for a port that is its scheme's default.
  const said = /:(\d+)\/?$/.exec(rest)?.[1];
  const port = said ? Number(said) : verified ? 2376 : 2375;
  const folder = env.DOCKER_CERT_PATH ?? (verified ? join(env.HOME ?? '/', '.docker') : undefined);
  const tls = folder !== undefined && (verified || port === 2376) ? { tls: { folder } } : {};
  return { kind: 'tcp', host: url.hostname, port, ...tls, from };
}

function readTls(folder: string): { ca: Buffer; cert: Buffer; key: Buffer } {
  const read = (file: string): Buffer => readFileSync(join(folder, file));
  try {
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
  } catch (cause) {
    throw new EdgeError(
      'terminal',
      'InvalidConfig',
      `read certificates ${folder}: ca.pem, cert.pem and key.pem must be readable`,
      cause,
    );
  }
}
