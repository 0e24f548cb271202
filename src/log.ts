import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { LoopLog } from './loop/reconciler.ts';
import type { Redaction } from './redaction.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** JSON lines on stderr, or one readable line each on a terminal. */
export function createLog(options: {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  readonly redaction: Pick<Redaction, 'redact' | 'redactValue'>;
}): LoopLog {
  const { redact, redactValue } = options.redaction;
  const base = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: redactValue<Record<string, unknown>> },
    serializers: { err: (error: unknown) => redactValue(stdSerializers.err(error as Error)) },
    hooks: {
      logMethod(this: unknown, args: unknown[], method: (...args: unknown[]) => void) {
        method.apply(
          this,
          args.map((arg) => (typeof arg === 'string' ? redact(arg) : arg)),
        );
      },
    },
  };
  if (options.format === 'json') return pino(base, process.stderr);
  return pino(base, { write: (line: string) => process.stderr.write(readable(line)) });
}

/** `12:30:01 info  shop: as git wants it, and healthy`. */
function readable(line: string): string {
  const { time, level, msg, app, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const whose = typeof app === 'string' && app !== '' ? `${app}: ` : '';
  const fields = Object.entries(rest).filter(
    ([, value]) => typeof value === 'string' || typeof value === 'number',
  );
  const trailing = fields.map(([name, value]) => ` ${name}=${String(value)}`).join('');
  const stack = err && typeof err === 'object' && 'stack' in err ? `\n${String(err.stack)}` : '';
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${whose}${String(msg)}${trailing}${stack}\n`;
}
