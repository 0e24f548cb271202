import type Docker from 'dockerode';
import { ask, readTimeout } from './ask.ts';

export interface EngineVersion {
  readonly name: 'docker' | 'podman';
  readonly version: string;
  readonly apiVersion: string;
}

/** Which engine answers. */
export async function askVersion(docker: Docker): Promise<EngineVersion> {
  const call = { operation: 'ask', object: 'version' };
  const found = await ask(call, () => docker.version(), { timeout: readTimeout });
  const parts: unknown = found && 'Components' in found ? found.Components : [];
  const podman = Array.isArray(parts) && parts.some((part) => /podman/i.test(String(part?.Name)));
  return {
    name: podman ? 'podman' : 'docker',
    version: found?.Version ?? '',
    apiVersion: found?.ApiVersion ?? '',
  };
}

/** What the engine calls itself for as long as its data lives; Podman has no such name: it makes one up each time. */
export async function askEngineId(docker: Docker): Promise<string | undefined> {
  const { name } = await askVersion(docker);
  if (name === 'podman') return undefined;
  const call = { operation: 'ask', object: 'info' };
  const found: { readonly ID?: string } | undefined = await ask(call, () => docker.info(), {
    timeout: readTimeout,
  });
  return found?.ID || undefined;
}
