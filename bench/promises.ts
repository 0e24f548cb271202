import { holds } from './check.ts';
import type { Proof } from './proof.ts';

/** Checks of a proof: by name, or all whose name matches. */
interface Evidence {
  readonly proof: string;
  readonly checks: readonly (string | RegExp)[];
  /** The short form does not have them. */
  readonly isLong?: true;
}

interface Promised {
  readonly promise: string;
  readonly evidence: readonly Evidence[];
}

const faults = (...checks: readonly (string | RegExp)[]): Evidence => ({ proof: 'faults', checks });
const longFaults = (...checks: readonly (string | RegExp)[]): Evidence => ({
  ...faults(...checks),
  isLong: true,
});
const model = (...checks: readonly (string | RegExp)[]): Evidence => ({ proof: 'model', checks });
const corpus = (...checks: readonly (string | RegExp)[]): Evidence => ({ proof: 'corpus', checks });
const scenes = (...checks: readonly string[]): Evidence => ({ proof: 'scenes', checks });
const downtime = (...checks: readonly (string | RegExp)[]): Evidence => ({ proof: 'downtime', checks });

/** What users may rely on, in short words, and every run that shows it. */
export const promises: readonly Promised[] = [
  {
    promise: 'Git is the only desired state: without the state directory nothing restarts',
    evidence: [faults(/^history/), scenes('test/e2e/controllers.test.ts')],
  },
  {
    promise: 'Level-triggered and idempotent: a second look plans nothing',
    evidence: [
      model('schedules', /^walk/),
      longFaults(/^events/),
      corpus('test/plan/properties.test.ts', 'test/model/model.test.ts'),
      scenes('test/e2e/converge.test.ts'),
    ],
  },
  {
    promise: 'Only apps whose rendered result changed are touched',
    evidence: [
      corpus('test/desired/same-meaning.test.ts'),
      longFaults('old version'),
      scenes('test/e2e/converge.test.ts'),
    ],
  },
  {
    promise: 'One bad manifest hurts one app',
    evidence: [
      corpus('test/desired/corpus.test.ts', 'test/desired/hostile-input.test.ts'),
      scenes('test/e2e/manifests.test.ts'),
    ],
  },
  {
    promise: 'Gapless updates: no request is lost',
    evidence: [
      downtime('rollouts', /^rollouts: .*(in rollouts|after the switch|through the switch)/),
      model('schedules'),
      faults('SIGKILL at a switch'),
    ],
  },
  {
    promise: 'Rollback that the loop respects: the last healthy release serves, one attempt',
    evidence: [downtime('broken'), faults('broken release'), scenes('test/e2e/rollback.test.ts')],
  },
  {
    promise: 'Deletion that cannot hurt: volumes stay, too much at once is held',
    evidence: [model('schedules'), scenes('test/e2e/removal.test.ts')],
  },
  {
    promise: 'Crash-only: kill -9 at any instant converges to the same end',
    evidence: [
      faults('SIGKILL at a call', 'SIGKILL again and again', 'many at once'),
      longFaults('controller out of memory'),
      model('schedules', /^walk/),
    ],
  },
  {
    promise: 'Cold start without git or registry',
    evidence: [faults(/^git/), scenes('test/git/snapshot-store.test.ts', 'test/e2e/controllers.test.ts')],
  },
  {
    promise: 'An app stays looked after: probes, restarts with backoff, CrashLoop',
    evidence: [
      longFaults('difficult release', 'app out of memory'),
      model('schedules'),
      scenes('test/e2e/drift.test.ts'),
    ],
  },
  {
    promise: 'Transient failures are tried again',
    evidence: [
      faults(/^engine/, /^Caddy/, /^git/),
      longFaults('ACME fails', 'image missing'),
      model('schedules'),
    ],
  },
  {
    promise: 'Secrets never appear',
    evidence: [
      corpus('test/secrets/redactor.test.ts', 'test/api/redact-free-text.test.ts'),
      scenes('test/e2e/secrets.test.ts'),
    ],
  },
];

/** The test files that a proof runs, because a promise names them. */
export function filesOf(proof: string): readonly string[] {
  const checks = promises.flatMap(({ evidence }) =>
    evidence.filter((one) => one.proof === proof).flatMap((one) => one.checks),
  );
  return [...new Set(checks.filter((check) => typeof check === 'string'))].sort();
}

export interface Judged {
  readonly promise: string;
  /** Each check with its counts, or why there is none. */
  readonly shownBy: readonly string[];
  readonly isShown: boolean;
}

/** The verdict comes from what ran: a check that is not there, was tried never or failed once shows nothing. */
export function judgePromises(proofs: readonly Proof[]): readonly Judged[] {
  return promises.map(({ promise, evidence }) => {
    const isAsked = ({ proof, isLong }: Evidence): boolean =>
      !isLong || proofs.find(({ name }) => name === proof)?.form !== 'short';
    const asked = evidence.filter(isAsked);
    const judged = asked.flatMap((one) => one.checks.map((check) => judge(one.proof, check, proofs)));
    return {
      promise,
      shownBy: judged.map(({ text }) => text),
      isShown: judged.length > 0 && judged.every(({ isShown }) => isShown),
    };
  });
}

function judge(
  name: string,
  wanted: string | RegExp,
  proofs: readonly Proof[],
): { readonly text: string; readonly isShown: boolean } {
  const proof = proofs.find((one) => one.name === name);
  const missing = (why: string) => ({ text: `${name}, ${sayWanted(wanted)}: **${why}**`, isShown: false });
  if (proof === undefined) return missing('did not run');
  const found = proof.checks.filter((check) =>
    typeof wanted === 'string' ? check.name === wanted : wanted.test(check.name),
  );
  if (found.length === 0) return missing('not among what ran');
  const texts = found.map((check) => {
    const count = `${check.held} of ${check.tried} ${check.of}`;
    return `${check.name}: ${holds(check) ? count : `**${count}**`}${check.seeds ? `, ${check.seeds}` : ''}`;
  });
  return { text: `${name}, ${texts.join('; ')}`, isShown: found.every(holds) };
}

function sayWanted(wanted: string | RegExp): string {
  return typeof wanted === 'string' ? wanted : `like \`${wanted.source}\``;
}
