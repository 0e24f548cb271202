import process from 'node:process';
import { exitCodes, type Register } from './context.ts';
import { addExamples, addOutputOption, type OutputOptions } from './global-options.ts';
import { printValue } from './print-value.ts';

export const registerVersion: Register = (program, context, run) => {
  const command = program.command('version').description('the version of this program');
  addExamples(addOutputOption(command), 'plimsoll version -o json').action(
    run(async ({ output }: OutputOptions) => {
      const value = { version: context.version, node: process.versions.node };
      printValue(context, output, value, () => `plimsoll ${context.version}\n`);
      return exitCodes.done;
    }),
  );
};
