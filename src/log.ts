import { pino, stdTimeFunctions } from 'pino';
import type { LoopLog } from './loop/reconciler.ts';

/** JSON lines on stderr, or one readable line each on a terminal. */
export function createLog(options: { readonly level: string; readonly format: 'json' | 'pretty' }): LoopLog {
  const base = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
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
