import { escapeText } from '../desired/shown-text.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addConfigOption, addExamples } from './global-options.ts';

interface Options {
  readonly config?: string;
  readonly volumes?: boolean;
  readonly yes?: true;
}

export const registerDown: Register = (program, context, run) => {
  const command = program
    .command('down')
    .description('take everything of this instance off the host; a running controller must be ended first')
    .option('--volumes', 'remove the volumes too, with all that is in them')
    .option('--yes', 'do it');
  addExamples(addConfigOption(command), 'plimsoll down --yes').action(
    run((options: Options) => down(context, options)),
  );
};

async function down(context: CliContext, { volumes = false, yes, config }: Options): Promise<ExitCode> {
  const options = config === undefined ? {} : { config };
  if (!yes) {
    const { instance } = context.config(options);
    const data = volumes ? ', and volumes with all that is in them' : '; volumes stay';
    throw new CliError(
      exitCodes.refused,
      `this stops and removes every container of instance ${instance}${data}`,
      'add --yes to do it',
    );
  }
  const host = await context.openHost(options, 'write');
  try {
    // What is removed is what the loop would make anew: it must not look once more while that goes on.
    await host.loop.stop();
    const removed = await host.removeAll({ volumes }, (line) => context.err(`${escapeText(line)}\n`));
    context.out(removed === 0 ? 'there was nothing to remove\n' : `removed ${removed}\n`);
    return exitCodes.done;
  } finally {
    await host.close();
  }
}
