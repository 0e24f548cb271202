import { connectApi } from './api-client.ts';
import { exitCodes, type Register } from './context.ts';
import { addClientOptions, addExamples, type ClientOptions } from './global-options.ts';

interface Answer {
  readonly resumed: boolean;
  readonly unpinned: boolean;
  readonly manifestSuspends: boolean;
}

export const registerResume: Register = (program, context, run) => {
  const command = program
    .command('resume')
    .description('follow git again: ends a suspension and a rollback that is held')
    .argument('<app>');
  addExamples(addClientOptions(command), 'plimsoll resume shop').action(
    run(async (app: string, options: ClientOptions) => {
      const answer = await connectApi(context, options).post<Answer>(
        `apps/${encodeURIComponent(app)}/resume`,
        {},
      );
      context.out(`${app}: ${describe(answer)}\n`);
      return exitCodes.done;
    }),
  );
};

function describe({ resumed, unpinned, manifestSuspends }: Answer): string {
  const done = [
    ...(resumed ? ['the suspension has ended'] : []),
    ...(unpinned ? ['it follows git again'] : []),
    ...(manifestSuspends ? ['its manifest says suspend: true, which only a commit changes'] : []),
  ];
  return done.length > 0 ? done.join('; ') : 'it was neither suspended nor pinned';
}
