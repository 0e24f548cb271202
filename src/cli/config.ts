import { exitCodes, type Register } from './context.ts';
import { addConfigOption, addExamples, addOutputOption, type OutputOptions } from './global-options.ts';
import { printValue } from './print-value.ts';

type Options = OutputOptions & { readonly config?: string };

export const registerConfig: Register = (program, context, run) => {
  const config = program.command('config').description("the controller's own configuration");
  addExamples(config, 'plimsoll config check --config plimsoll.yaml');
  addExamples(
    addConfigOption(config.command('check').description('whether it is valid; every error with its place')),
    'plimsoll config check --config plimsoll.yaml',
  ).action(
    run(async (options: Pick<Options, 'config'>) => {
      const { file } = context.config(options);
      context.out(`${file ?? 'the defaults and the environment'}: ok\n`);
      return exitCodes.done;
    }),
  );
  addExamples(
    addOutputOption(
      addConfigOption(
        config
          .command('view')
          .description('what it comes to, with defaults and environment; secrets are ***'),
      ),
    ),
    'plimsoll config view -o json',
  ).action(
    run(async ({ output, ...options }: Options) => {
      const { shown } = context.config(options);
      printValue(context, output === 'table' ? 'yaml' : output, shown, () => '');
      return exitCodes.done;
    }),
  );
};
