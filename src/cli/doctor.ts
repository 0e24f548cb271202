import { escapeText } from '../desired/shown-text.ts';
import type { CliContext, ExitCode, GlobalOptions, Register } from './context.ts';
import { exitCodes } from './context.ts';
import { addConfigOption, addExamples, addOutputOption, type OutputOptions } from './global-options.ts';
import { hostChecks } from './host-checks.ts';
import { type Finding, localChecks } from './local-checks.ts';
import { printValue } from './print-value.ts';
import { formatTable } from './table.ts';

type Options = OutputOptions & Pick<GlobalOptions, 'config' | 'source'>;

/** Something that was looked at. */
export interface Check {
  readonly name: string;
  /** What cannot be looked at is a finding too: its error is told, and the exit code is 3. */
  readonly run: () => Promise<Finding>;
}

export const registerDoctor: Register = (program, context, run) => {
  const command = program
    .command('doctor')
    .description('whether engine, Caddy, git, disk, database and clock are well, and how to mend what is not')
    .option('--source <dir-or-url>', 'another config repo than the configured one');
  addExamples(
    addOutputOption(addConfigOption(command)),
    'plimsoll doctor',
    'plimsoll doctor -o json | jq .items[].status',
  ).action(run((options: Options) => doctor(context, options)));
};

async function doctor(context: CliContext, { output, ...options }: Options): Promise<ExitCode> {
  const found: Item[] = [];
  for (const check of localChecks(context, options)) found.push(await look(check));
  found.push(...(await lookAtHost(context, options)));
  const items = found.map(({ unobservable: _unobservable, ...item }) => item);
  printValue(context, output, { items, next: null }, () => describe(context, found));
  if (found.some(({ unobservable }) => unobservable)) return exitCodes.unobservable;
  return found.some(({ status }) => status === 'fail') ? exitCodes.negative : exitCodes.done;
}

type Item = Finding & { readonly name: string };

async function lookAtHost(context: CliContext, options: GlobalOptions): Promise<Item[]> {
  try {
    const host = await context.openHost(options, 'read');
    try {
      const found: Item[] = [];
      for (const check of hostChecks(host, context.config(options))) found.push(await look(check));
      return found;
    } finally {
      await host.close();
    }
  } catch (error) {
    return [{ name: 'host', ...unobserved(error) }];
  }
}

async function look({ name, run }: Check): Promise<Item> {
  try {
    return { name, ...(await run()) };
  } catch (error) {
    return { name, ...unobserved(error) };
  }
}

function unobserved(error: unknown): Finding {
  const hint = error instanceof Error && 'hint' in error ? error.hint : undefined;
  return {
    status: 'fail',
    message: error instanceof Error ? error.message : String(error),
    ...(typeof hint === 'string' ? { hint } : {}),
    unobservable: true,
  };
}

function describe(context: CliContext, items: readonly Item[]): string {
  const table = formatTable(
    { ...context, isTty: false },
    [
      { title: 'STATUS', text: ({ status }) => status },
      { title: 'CHECK', text: ({ name }) => name },
      { title: 'FOUND', text: ({ message }) => message },
    ],
    items,
  );
  const hints = items.filter(({ hint, status }) => hint !== undefined && status !== 'ok');
  if (hints.length === 0) return table;
  const lines = hints.map(({ name, hint }) => `  ${name}: ${escapeText(hint ?? '')}\n`);
  return `${table}\nTo mend:\n${lines.join('')}`;
}
