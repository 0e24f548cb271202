import type { Register } from './context.ts';

export const registerController: Register = (program, context, run) => {
  program
    .command('controller')
    .description('run the loop, the API and the socket in the foreground; SIGTERM ends it gracefully')
    .option(
      '--config <file>',
      'the configuration; ./plimsoll.yaml or /etc/plimsoll/plimsoll.yaml when absent',
    )
    .option('--source <dir-or-url>', 'the config repo, over the configuration')
    .addHelpText('after', '\nExample:\n  plimsoll controller --config /etc/plimsoll/plimsoll.yaml')
    .action(run((options: { config?: string; source?: string }) => context.runController(options)));
};
