import { escapeText } from '../desired/shown-text.ts';
import { describeStep } from './describe-step.ts';
import type { Look } from './simulate.ts';

/** The whole way, look by look: when, whose, what, why, and what it does to traffic. */
export function formatWay(looks: readonly Look[]): string {
  const start = looks[0]?.at ?? 0;
  return looks.map((look) => formatLook(look, look.at - start)).join('');
}

function formatLook({ steps }: Look, after: number): string {
  const lines = steps.map(({ app, step }) => {
    const traffic = step.traffic === 'none' ? '' : `; ${step.traffic}`;
    return `  ${app === '' ? 'host' : app}: ${escapeText(describeStep(step))} (${escapeText(step.reason)}${traffic})\n`;
  });
  return `${after === 0 ? 'now' : `after ${after / 1000} s`}\n${lines.join('')}`;
}
