import type { ControllerPort } from './controller-port.ts';

/** Conditions change with looks, not with questions: their times are kept from the look that changed them. */
export function keepTransitions({ loop, history }: ControllerPort): void {
  loop.onLook(({ plan }) => {
    if (plan) history.keepTransitions(plan.apps);
  });
}
