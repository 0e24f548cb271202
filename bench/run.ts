// `npm run bench [-- PART… OPTIONS]`: measures plimsoll against bare calls and compose, in one run.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Docker from 'dockerode';
import { ensureMachine, MachineError, type Needs } from '../.ci/machine.ts';
import { beside } from './beside.ts';
import { broken } from './broken.ts';
import { deploy } from './deploy.ts';
import { describeMachine, formatMachine, type MachineFacts } from './describe-machine.ts';
import { formatChecks, formatFigures, summarize } from './figures.ts';
import { buildImages } from './images.ts';
import { memory } from './memory.ts';
import { noop } from './noop.ts';
import { plan } from './plan.ts';
import { push } from './push.ts';
import { reading } from './reading.ts';
import { rollouts } from './rollouts.ts';
import { removeImages, sweep, sweepKilled } from './sweep.ts';
import { webhooks } from './webhooks.ts';
import type { Options, Part, PartResult } from './workbench.ts';

const parts: Readonly<Record<string, Part>> = {
  rollouts,
  broken,
  noop,
  deploy,
  push,
  webhooks,
  memory,
  beside,
  plan,
  reading,
};

const usage = `usage: npm run bench -- [PART…] [OPTIONS]

parts (all when none is named):
  rollouts           rolling updates under traffic; exit code 1 when a request or a stream is lost
  broken             updates that are no good; exit code 1 when one is not taken back at once, without a gap
  noop               what it costs to find that nothing is to be done
  beside             from nothing, one changed, one repaired, among many: bare calls, compose, Swarm and plimsoll
  plan               planning 100, 1,000 and 10,000 settled apps, in the simulator
  reading            1,000 manifests from git: cold, and after a commit
  deploy             from a commit, or a container removed by hand, to serving
  push               from a git push to serving, by HTTPS and SSH; exit code 1 when one is not live in time
  webhooks           good ones in a flood of bad ones; exit code 1 when a bad one is accepted
  memory             what an idle controller holds, and how soon it is ready; exit code 1 when 64 MiB do not do

options:
  --rollouts N       rolling updates; 50
  --broken N         broken updates; 20
  --apps N,N         sizes of the host for noop and memory; 100
  --beside N         apps in beside; 50
  --repetitions N    how often the rest is measured; 10
  --json FILE        also writes every sample
  --help             this
`;

interface Request {
  readonly parts: readonly string[];
  readonly options: Options;
  readonly json?: string;
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const request = readArguments(args);
  if (typeof request === 'number') return request;
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new Error('interrupted: what was made is being removed'));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, interrupt);
  try {
    return await run(request, interrupted.signal);
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    if (!(error instanceof MachineError)) throw error;
    note(error.message);
    return 3;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupt);
  }
}

async function run({ parts: names, options, json }: Request, signal: AbortSignal): Promise<number> {
  const needs: Needs = {
    ...{ engine: true, caddy: true, git: true, busybox: true, wrk: true, compose: true, cc: true },
    ...{ ssh: true, sshd: true, openssl: true },
  };
  const machine = await ensureMachine(needs, note);
  const docker = new Docker();
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-bench-'));
  try {
    await sweepKilled(docker);
    await buildImages(docker, folder);
    const facts = await describeMachine(docker);
    print(`${formatMachine(facts)}\n`);
    const results: [string, PartResult][] = [];
    for (const name of names) {
      signal.throwIfAborted();
      note(`${name}:`);
      const bench = {
        docker,
        folder: join(folder, name),
        signal,
        options,
        say: (line: string) => note(`  ${line}`),
      };
      const result = await parts[name]?.(bench).finally(() => sweep(docker));
      if (!result) continue;
      results.push([name, result]);
      if (result.checks) print(`${formatChecks(result.checks)}\n`);
      print(`${formatFigures(name, result.figures)}\n`);
    }
    if (json !== undefined) await writeFile(json, toJson(facts, results));
    return verdict(results.flatMap(([, { faults }]) => faults));
  } finally {
    for (const name of await sweep(docker))
      note(`the engine does not give the network ${name} up: it counts containers in it that are gone`);
    await removeImages(docker);
    await rm(folder, { recursive: true, force: true });
    await machine.stop();
  }
}

function verdict(faults: readonly string[]): number {
  for (const fault of faults) print(`fault: ${fault}`);
  return faults.length > 0 ? 1 : 0;
}

function toJson(facts: MachineFacts, results: readonly (readonly [string, PartResult])[]): string {
  const measured = results.map(([part, { figures, checks = [], faults }]) => ({
    part,
    checks,
    faults,
    figures: figures.map((figure) => ({ ...figure, ...summarize(figure, figures) })),
  }));
  return `${JSON.stringify({ at: new Date().toISOString(), ...facts, parts: measured }, null, 2)}\n`;
}

/** The exit code when there is nothing to measure. */
function readArguments(args: readonly string[]): Request | number {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rollouts: { type: 'string', default: '50' },
        broken: { type: 'string', default: '20' },
        apps: { type: 'string', default: '100' },
        beside: { type: 'string', default: '50' },
        repetitions: { type: 'string', default: '10' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      print(usage.trimEnd());
      return 0;
    }
    const unknown = positionals.find((name) => !Object.hasOwn(parts, name));
    if (unknown !== undefined) throw new TypeError(`there is no part "${unknown}"`);
    return {
      parts: positionals.length > 0 ? [...new Set(positionals)] : Object.keys(parts),
      options: {
        rollouts: countOf('--rollouts', values.rollouts),
        broken: countOf('--broken', values.broken),
        apps: values.apps.split(',').map((text) => countOf('--apps', text)),
        beside: countOf('--beside', values.beside),
        repetitions: countOf('--repetitions', values.repetitions),
      },
      ...(values.json === undefined ? {} : { json: values.json }),
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    note(`${error.message}\n\n${usage.trimEnd()}`);
    return 64;
  }
}

function countOf(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1_000)
    throw new TypeError(`${name}: expected numbers from 1 to 1000, not "${text}"`);
  return count;
}

/** The figures go to stdout, all else to stderr. */
function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
