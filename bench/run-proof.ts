import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { runProgram } from '../.ci/run-program.ts';
import type { Proof } from './proof.ts';
import { type Command, type Form, type ProofRun, typedCommand } from './proofs.ts';

export interface ProofOptions {
  readonly form: Form;
  readonly seed: number;
  readonly commit: string;
  /** Where its result goes, its report, and its output as a log. */
  readonly folder: string;
  readonly signal: AbortSignal;
  say(line: string): void;
}

const root = dirname(import.meta.dirname);
/** Milliseconds that a proof gets to clear up after it was told to end. */
const grace = 60_000;

/** Runs one proof in a process of its own, to its end or its limit, and keeps what came of it. */
export async function runProof(run: ProofRun, options: ProofOptions): Promise<Proof> {
  const { form, seed, commit, folder } = options;
  mkdirSync(folder, { recursive: true });
  const command = run.command(form, seed);
  const report = join(folder, `${run.name}.report.json`);
  rmSync(report, { force: true });
  const load = loadavg()[0] ?? 0;
  const [at, begun] = [new Date().toISOString(), performance.now()];
  const { output, problem } = await runCommand(run, command, { ...options, report });
  const read = run.read({ report: readOrEmpty(report), output });
  const proof: Proof = {
    ...{ name: run.name, command: typedCommand(command), form, commit, at, load },
    seconds: (performance.now() - begun) / 1000,
    ...read,
    // An exit code that what was read explains says nothing more.
    faults:
      problem !== undefined && (read.faults.length === 0 || problem.isLate)
        ? [...read.faults, problem.text]
        : read.faults,
  };
  writeFileSync(resultFile(folder, run.name), `${JSON.stringify(proof, null, 2)}\n`);
  return proof;
}

/** What every proof is about. */
const product = ['src', 'schemas', 'package.json', 'package-lock.json', 'Caddyfile.tmpl'];

/**
 * What an earlier run found, of the same form or of the long one, which shows more, when it was asked the same and nothing
 * that it follows from has changed since. A tree with changes of its own is never the same.
 */
export async function keptProof(run: ProofRun, options: ProofOptions): Promise<Proof | undefined> {
  const text = readOrEmpty(resultFile(options.folder, run.name));
  if (text === '' || options.commit.endsWith('-dirty')) return undefined;
  const proof = JSON.parse(text) as Proof;
  if (proof.form !== options.form && proof.form !== 'long') return undefined;
  const isAsked = proof.command === typedCommand(run.command(proof.form, options.seed));
  if (!isAsked || proof.commit.endsWith('-dirty')) return undefined;
  const paths = [...product, ...run.madeOf];
  const { code } = await runProgram('git', ['-C', root, 'diff', '--quiet', proof.commit, '--', ...paths]);
  return code === 0 ? proof : undefined;
}

interface Ended {
  readonly output: string;
  readonly problem?: { readonly text: string; readonly isLate: boolean };
}

async function runCommand(
  { name, limit }: ProofRun,
  { script, args, env, report }: Command,
  options: ProofOptions & { readonly report: string },
): Promise<Ended> {
  const { form, folder, signal, say } = options;
  const reported = report && 'option' in report ? [report.option, options.report] : [];
  const told = report && 'variable' in report ? { [report.variable]: options.report } : {};
  // A process group of its own: ctrl-C is ours to pass on, and a kill takes what it started too.
  const child = spawn(process.execPath, [join(root, script), ...args, ...reported], {
    ...{ cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    env: { ...process.env, ...env, ...told },
  });
  const log = join(folder, `${name}.log`);
  writeFileSync(log, '');
  let output = '';
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      output += `${line}\n`;
      appendFileSync(log, `${line}\n`);
      say(`${name} │ ${line}`);
    });
  }
  let isLate = false;
  let kill: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    kill ??= setTimeout(() => child.pid && process.kill(-child.pid, 'SIGKILL'), grace);
  };
  const late = setTimeout(() => {
    isLate = true;
    end();
  }, limit[form] * 60_000);
  signal.addEventListener('abort', end);
  try {
    const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (isLate) return { output, problem: { text: `it did not end within ${limit[form]} minutes`, isLate } };
    if (code === 0) return { output };
    return { output, problem: { text: by ? `it was ended by ${by}` : `exit code ${code}`, isLate } };
  } finally {
    clearTimeout(late);
    clearTimeout(kill);
    signal.removeEventListener('abort', end);
  }
}

function resultFile(folder: string, name: string): string {
  return join(folder, `${name}.json`);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
