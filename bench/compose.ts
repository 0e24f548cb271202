import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ran, runProgram } from '../.ci/run-program.ts';
import { composeProject } from './workbench.ts';

export interface Compose {
  /** As it says itself: `docker-compose version 1.29.2`. */
  readonly version: string;
  up(): Promise<void>;
  /** Gives the first service other fields, to be brought up next. */
  change(fields: object): Promise<void>;
}

type Run = (args: readonly string[]) => Promise<Ran>;

/** 1.29 waits for itself for ever when a project has more services than this, which is 64 unless told. */
const parallel = { COMPOSE_PARALLEL_LIMIT: '1000' };
const programs: readonly (readonly [string, ...string[]])[] = [['docker', 'compose'], ['docker-compose']];

/** A project of as many services of one image, for whichever compose is installed. */
export async function createCompose(
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
  image: string,
  count: number,
): Promise<Compose> {
  const { run, version } = await findCompose(signal);
  const file = join(folder, 'compose.yaml');
  const change = async (fields: object): Promise<void> => {
    const services = Array.from({ length: count }, (_, index) => [
      `app-${index}`,
      { image, stop_grace_period: '1s', ...(index === 0 ? fields : {}) },
    ]);
    // JSON is YAML. Without a version in it, 1.29 reads the file as one of its oldest format.
    await writeFile(file, JSON.stringify({ version: '3.8', services: Object.fromEntries(services) }));
  };
  await mkdir(folder, { recursive: true });
  await change({});
  const on = async (...args: readonly string[]): Promise<void> => {
    const { code, output } = await run(['--project-name', composeProject, '--file', file, ...args]);
    if (code !== 0) throw new Error(`compose ${args.join(' ')}: ${output.trim().slice(-2_000)}`);
  };
  return {
    version,
    change,
    up: () => on('up', '--detach'),
  };
}

export async function findCompose(
  signal?: AbortSignal,
): Promise<{ readonly run: Run; readonly version: string }> {
  for (const [program, ...first] of programs) {
    const run: Run = (args) =>
      runProgram(program, [...first, ...args], {
        ...{ timeout: 300_000, env: { ...process.env, ...parallel } },
        ...(signal ? { signal } : {}),
      });
    const { code, output } = await run(['version']);
    const version = output.split('\n')[0]?.trim();
    if (code === 0 && version) return { run, version };
  }
  throw new Error('no compose is installed: docker compose, or docker-compose');
}

export async function composeVersion(): Promise<string> {
  return (await findCompose()).version;
}
