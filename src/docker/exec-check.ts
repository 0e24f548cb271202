import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EdgeError } from '../apply/ports.ts';
import { ask } from './ask.ts';
import { redacted } from './engine-error.ts';
import { escapeText } from './escape-text.ts';
import { createLogParser, type LogLine } from './log-lines.ts';

export interface CheckResult {
  readonly ok: boolean;
  readonly detail: string;
}

export interface ExecChecks {
  run(container: string, command: readonly string[], timeout: number): Promise<CheckResult>;
}

const mostOutput = 65_536;

/**
 * Runs health commands inside containers. The engine cannot end one that overstays, so a container gets no
 * second one while such a one still runs: they would pile up until its pids limit.
 */
export function createExecChecks(docker: Docker, redact: (text: string) => string): ExecChecks {
  const overdue = new Map<string, string>();

  const stillRuns = async (container: string): Promise<boolean> => {
    const id = overdue.get(container);
    if (id === undefined) return false;
    const call = { operation: 'inspect command in', object: container };
    const found = await ask(call, (abortSignal) => docker.getExec(id).inspect({ abortSignal }), {
      fine: [404, 500],
    });
    if (found?.Running) return true;
    overdue.delete(container);
    return false;
  };

  return {
    async run(container, command, timeout) {
      if (await stillRuns(container)) return no('the previous run of the command has not ended');
      const call = { operation: 'run command in', object: container };
      try {
        const exec = await ask(call, (abortSignal) =>
          docker.getContainer(encodeURIComponent(container)).exec({
            Cmd: [...command],
            AttachStdout: true,
            AttachStderr: true,
            abortSignal,
          }),
        );
        if (!exec) return no('the engine made no command');
        const result = await within(timeout, (signal) => follow(exec, signal, redact));
        if (result) return result;
        overdue.set(container, exec.id);
        return no(`no end within ${timeout / 1000} s`);
      } catch (error) {
        const refused = error instanceof EdgeError ? error : undefined;
        if (!refused || refused.kind === 'unreachable') throw error;
        return no(redacted(refused, redact).message);
      }
    },
  };
}

async function follow(
  exec: Docker.Exec,
  signal: AbortSignal,
  redact: (text: string) => string,
): Promise<CheckResult> {
  const call = { operation: 'run command', object: exec.id.slice(0, 12) };
  const open = (): Promise<Readable> => exec.start({ Detach: false, Tty: false, abortSignal: signal });
  const stream = await ask(call, open);
  const last = stream ? escapeText(redact(await lastLine(stream, signal)), 200) : '';
  const done = await ask(call, (abortSignal) => exec.inspect({ abortSignal }));
  const code = done?.ExitCode ?? -1;
  return { ok: code === 0, detail: `exit ${code}${last ? `: ${last}` : ''}` };
}

async function lastLine(stream: Readable, signal: AbortSignal): Promise<string> {
  const parser = createLogParser();
  let last: LogLine | undefined;
  let size = 0;
  const stop = (): void => void stream.destroy();
  signal.addEventListener('abort', stop);
  try {
    for await (const chunk of stream) {
      size += chunk.length;
      // What follows is read to see the end, and not looked at.
      if (size <= mostOutput) last = parser.push(chunk).at(-1) ?? last;
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return (parser.end().at(-1) ?? last)?.line ?? '';
}

/** `undefined` when it takes longer; what was begun is then told to stop. */
async function within<T>(timeout: number, run: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeout);
  });
  const work = run(abort.signal);
  // It loses the race and is cut off then: its failure says nothing new.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

function no(detail: string): CheckResult {
  return { ok: false, detail: escapeText(detail, 300) };
}
