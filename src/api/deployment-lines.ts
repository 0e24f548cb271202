import { escapeText } from '../desired/shown-text.ts';
import type { DeploymentDetail, StepRecord } from '../history/deployment-log.ts';
import { timeText } from './time-text.ts';

/** One line of a deployment's log. */
export interface DeploymentLine {
  /** Null where only the order is known. */
  readonly time: string | null;
  readonly line: string;
}

/**
 * A deployment as lines. Later lines are only ever added at the end, so that a line's number resumes a stream: steps of
 * one app never overlap, and evidence is written when the deployment ends.
 */
export function deploymentLines(deployment: DeploymentDetail): DeploymentLine[] {
  const { cause, revision, specHash, startedAt, finishedAt, result, reason, message } = deployment;
  const begun = `deployment of ${specHash.slice(0, 12)} at ${revision}: ${cause}`;
  const ended = result && [`${result}`, reason, message].filter(Boolean).join(': ');
  const lines = [
    line(startedAt, begun),
    ...deployment.steps.flatMap(stepLines),
    ...(result === undefined ? [] : deployment.evidence.flatMap(evidenceLines)),
    ...(ended === undefined ? [] : [line(finishedAt, ended)]),
  ];
  return lines;
}

function line(at: number | undefined, text: string): DeploymentLine {
  return { time: timeText(at), line: escapeText(text) };
}

function stepLines({
  kind,
  object,
  reason,
  startedAt,
  endedAt,
  outcome,
  error,
}: StepRecord): DeploymentLine[] {
  const begun = line(startedAt, `${kind} ${shortObject(object)}: ${reason}`);
  if (outcome === undefined) return [begun];
  const took = endedAt === undefined ? '' : ` after ${((endedAt - startedAt) / 1000).toFixed(1)} s`;
  return [begun, line(endedAt, `  ${outcome}${took}${error === undefined ? '' : `: ${error}`}`)];
}

function evidenceLines({
  container,
  exitCode,
  oomKilled,
  attempts,
  log,
}: DeploymentDetail['evidence'][number]): DeploymentLine[] {
  const killed = oomKilled ? ', out of memory' : '';
  return [
    line(undefined, `container ${shortObject(container)} was given up: exit code ${exitCode}${killed}`),
    ...attempts.map(({ at, ok, detail }) => line(at, `  probe ${ok ? 'ok' : 'failed'}: ${detail}`)),
    ...log.map((text) => line(undefined, `  | ${text}`)),
  ];
}

/** Ids of containers as people write them. */
function shortObject(object: string): string {
  return object.replace(/\b[0-9a-f]{64}\b/g, (id) => id.slice(0, 12));
}
