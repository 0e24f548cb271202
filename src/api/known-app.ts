import { didYouMean } from '../desired/did-you-mean.ts';
import { showValue } from '../desired/shown-text.ts';
import type { World } from '../plan/plan.ts';
import type { AppItem } from './app-item.ts';
import type { Caller } from './caller.ts';
import type { ControllerPort } from './controller-port.ts';
import { ProblemError } from './problem.ts';
import { visibleApps } from './visible-apps.ts';

/** The app of that name, if the caller may see it; the problem otherwise says which name was probably meant. */
export function knownApp(port: ControllerPort, caller: Caller, name: string): AppItem {
  const items = visibleApps(port, caller);
  const found = items.find((item) => item.name === name);
  if (found) return found;
  const close = didYouMean(
    name,
    items.map((item) => item.name),
  );
  throw new ProblemError(
    404,
    'UnknownApp',
    `no app ${showValue(name)} in git or on this host`,
    close && `did you mean ${close}?`,
  );
}

/** What the last look saw; a problem when it could not see. */
export function seenWorld({ loop }: ControllerPort): World {
  const { world, engineError, sourceError, historyError } = loop.status;
  if (world) return world;
  const error = engineError ?? historyError ?? sourceError;
  throw new ProblemError(
    503,
    error?.reason ?? 'NotLooked',
    error?.message ?? 'the first look is not over yet',
    'plimsoll doctor says how to mend it',
  );
}
