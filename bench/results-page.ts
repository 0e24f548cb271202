import { formatChecks, formatFigures } from './figures.ts';
import { judgeMarks, marks } from './marks.ts';
import { judgePromises } from './promises.ts';
import type { Proof } from './proof.ts';
import { proofRuns } from './proofs.ts';

export interface PageFacts {
  readonly machine: Readonly<Record<string, string>>;
  readonly command: string;
  readonly at: string;
  /** Of 1, 5 and 15 minutes, before the first proof. */
  readonly load: readonly number[];
}

/** `bench/RESULTS.md`: every verdict in it follows from what the runs reported. */
export function formatPage(facts: PageFacts, proofs: readonly Proof[]): string {
  const sections = proofRuns.map(({ name, title }) => {
    const proof = proofs.find((one) => one.name === name);
    return `## ${title}\n\n${proof ? formatProof(proof) : `**Did not run**: \`npm run prove -- --only ${name}\` runs it.\n`}`;
  });
  return [
    '# Results\n',
    `Written by \`${facts.command}\`; nothing here is typed by hand. [What the parts measure](README.md).\n`,
    formatHead(facts, proofs),
    '## Promises\n',
    formatPromises(proofs),
    '## Marks\n',
    formatMarks(proofs),
    ...sections,
  ].join('\n');
}

/** What is wrong with the whole; nothing when everything is shown. */
export function problemsOf(proofs: readonly Proof[]): readonly string[] {
  return [
    ...proofRuns
      .filter(({ name }) => !proofs.some((one) => one.name === name))
      .map(({ name }) => `${name} did not run`),
    ...proofs.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`)),
    ...judgePromises(proofs).flatMap(({ promise, isShown }) => (isShown ? [] : [`not shown: ${promise}`])),
  ];
}

function formatHead({ machine, at, load }: PageFacts, proofs: readonly Proof[]): string {
  const minutes = proofs.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const facts = {
    ...machine,
    date: at,
    load: `${load.map((one) => one.toFixed(2)).join(', ')} (1, 5 and 15 minutes before it began)`,
    took: `${minutes.toFixed(0)} minutes, one proof after the other`,
  };
  return list(Object.entries(facts).map(([name, fact]) => `${name}: ${fact}`));
}

function formatPromises(proofs: readonly Proof[]): string {
  const rows = judgePromises(proofs).map(({ promise, shownBy, isShown }, index) => [
    String(index + 1),
    promise,
    shownBy.join('<br>'),
    isShown ? 'shown' : '**not shown**',
  ]);
  return markdownTable(['', 'Promise', 'Run: what held, of how many', 'Verdict'], rows);
}

function formatMarks(proofs: readonly Proof[]): string {
  const judged = judgeMarks(
    proofs.flatMap(({ figures }) => figures),
    marks,
  );
  const rows = judged.map(({ work, mark, measured, isReached }) => [
    work,
    mark,
    measured ?? 'not measured',
    measured === undefined ? '' : isReached ? 'reached' : '**not reached**',
  ]);
  return markdownTable(['Work', 'Mark', 'Median here', ''], rows);
}

function formatProof({ command, form, commit, at, load, seconds, checks, figures, faults }: Proof): string {
  const verdict = faults.length === 0 ? 'No fault.' : `**Faults**:\n\n${list(faults)}`;
  const blocks = [
    ...(checks.length > 0 ? [formatChecks(checks)] : []),
    ...figures.map((part) => formatFigures(part.part, part.figures)),
  ];
  return [
    `\`${command}\`\n`,
    `The ${form} form, commit ${commit}, begun ${at}, load ${load.toFixed(2)}; took ${Math.round(seconds)} s. ${verdict}\n`,
    ...blocks.map((block) => `\`\`\`text\n${block}\n\`\`\`\n`),
  ].join('\n');
}

function list(items: readonly string[]): string {
  return `${items.map((item) => `- ${item}`).join('\n')}\n`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}
