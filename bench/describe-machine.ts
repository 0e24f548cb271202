import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import type Docker from 'dockerode';
import { runProgram } from '../.ci/run-program.ts';
import { commitOf } from './commit-of.ts';
import { composeVersion } from './compose.ts';

/** Where the figures come from: without this they mean nothing. */
export type MachineFacts = Readonly<Record<string, string>>;

const project = dirname(import.meta.dirname);

export async function describeMachine(docker: Docker): Promise<MachineFacts> {
  const [processor] = cpus();
  const engine = await docker.version();
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string };
  return {
    machine: `${cpus().length} × ${processor?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `Linux ${release()}, ${debianName()}`,
    plimsoll: version,
    commit: await commitOf(project),
    node: process.versions.node,
    engine: `${engine.Version}, API ${engine.ApiVersion}`,
    caddy: await firstLine('caddy', ['version']),
    compose: await composeVersion(),
    wrk: await firstLine('wrk', ['--version']),
  };
}

export function formatMachine(facts: MachineFacts): string {
  return Object.entries(facts)
    .map(([name, fact]) => `${name.padEnd(9)} ${fact}`)
    .join('\n');
}

function debianName(): string {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return /^PRETTY_NAME="(.*)"$/m.exec(text)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** A version question may end with any exit code: wrk's does with 1. */
async function firstLine(program: string, args: readonly string[]): Promise<string> {
  const { output } = await runProgram(program, args);
  return (
    output
      .split('\n')[0]
      ?.replace(/ Copyright .*/, '')
      .trim() || 'unknown'
  );
}
