import type { Fault } from './fault-socket.ts';

/** What an engine does that is not well, to each call by chance. */
export const illnesses: Readonly<Record<string, (random: () => number) => Fault | undefined>> = {
  'answers 500 to one call in ten': (random) => {
    if (random() >= 0.1) return undefined;
    return random() < 0.5 ? { kind: 'fail', status: 500 } : { kind: 'fail', status: 500, carriedOut: true };
  },
  'breaks off one answer in ten': (random) =>
    random() < 0.1 ? { kind: 'break', when: random() < 0.5 ? 'half-sent' : 'half-answered' } : undefined,
  'is slow': (random) => ({ kind: 'delay', ms: Math.ceil(random() * 400) }),
};
