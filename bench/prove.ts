// `npm run prove [-- OPTIONS]`: runs every proof, one after the other, and writes what came of them as a page.

import { randomInt } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Docker from 'dockerode';
import { ensureMachine, MachineError } from '../.ci/machine.ts';
import { describeMachine } from './describe-machine.ts';
import type { Proof } from './proof.ts';
import { type Form, proofRuns } from './proofs.ts';
import { formatPage, problemsOf } from './results-page.ts';
import { keptProof, type ProofOptions, runProof } from './run-proof.ts';

const names = proofRuns.map(({ name }) => name);

const usage = `usage: npm run prove -- [OPTIONS]

Runs ${names.join(', ')}, one after the other, and writes bench/RESULTS.md,
which says how long it took. Exit code 1 when something failed or did not run.

options:
  --short            the same with fewer and smaller samples
  --only PROOF       this one alone, and so a page that misses the others; may be there again
  --seed N           the seed of an earlier run
  --results FOLDER   keeps what each proof found; what stands there of this form, or of the long one,
                     is not run again, unless something that it follows from has changed since its commit
  --page FILE        where the page goes; bench/RESULTS.md
  --help             this
`;

interface Request {
  readonly form: Form;
  readonly seed: number;
  readonly only: readonly string[];
  readonly folder: string;
  readonly page: string;
  readonly command: string;
}

/** What describes the machine must be there; what else a proof needs, it brings itself. */
const needs = { engine: true, caddy: true, git: true, wrk: true, compose: true } as const;

const begun = performance.now();
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const request = readArguments(args);
  if (typeof request === 'number') return request;
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupted.abort());
  const [at, load] = [new Date().toISOString(), loadavg()];
  try {
    const machine = await ensureMachine(needs, say);
    try {
      const facts = await describeMachine(new Docker());
      const proofs = await proveAll(request, facts.commit ?? '', interrupted.signal);
      if (interrupted.signal.aborted) return 130;
      const page = { machine: facts, command: request.command, at, load };
      writeFileSync(request.page, formatPage(page, proofs));
      say(`written: ${relative(process.cwd(), request.page)}`);
      const problems = problemsOf(proofs);
      for (const problem of problems) say(`✗ ${problem}`);
      return problems.length > 0 ? 1 : 0;
    } finally {
      await machine.stop();
    }
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    say(error.message);
    return 3;
  }
}

/** Never two at a time: they would measure each other. */
async function proveAll(
  { form, seed, only, folder }: Request,
  commit: string,
  signal: AbortSignal,
): Promise<readonly Proof[]> {
  const options: ProofOptions = { form, seed, commit, folder, signal, say };
  say(`${form} form, seed ${seed}, results in ${folder}`);
  const proofs: Proof[] = [];
  for (const run of proofRuns) {
    if (signal.aborted) break;
    const kept = await keptProof(run, options);
    if (kept) say(`${run.name} was run at ${kept.at}, commit ${kept.commit}`);
    if (kept) proofs.push(kept);
    else if (only.length === 0 || only.includes(run.name)) proofs.push(await runProof(run, options));
  }
  return proofs;
}

/** The exit code when there is nothing to prove. */
function readArguments(args: readonly string[]): Request | number {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        short: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
        results: { type: 'string' },
        page: { type: 'string', default: join(dirname(import.meta.dirname), 'bench', 'RESULTS.md') },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(usage);
      return 0;
    }
    const unknown = values.only.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new TypeError(`there is no proof "${unknown}"`);
    const seed = Number(values.seed);
    if (!Number.isInteger(seed) || seed < 1 || seed >= 2 ** 31)
      throw new TypeError(`--seed: expected a number from 1 to ${2 ** 31 - 1}, not "${values.seed}"`);
    return {
      form: values.short ? 'short' : 'long',
      ...{ seed, only: values.only, page: resolve(values.page) },
      folder: values.results ? resolve(values.results) : mkdtempSync(join(tmpdir(), 'plimsoll-prove-')),
      command: ['npm run prove', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return 64;
  }
}

function say(line: string): void {
  const seconds = Math.floor((performance.now() - begun) / 1000);
  const elapsed = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  process.stderr.write(`${elapsed.padStart(5)} ${line}\n`);
}
