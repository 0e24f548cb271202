import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** An RFC 9457 problem document (https://www.rfc-editor.org/rfc/rfc9457), with a code for machines and a hint. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** PascalCase, stable: `UnknownApp`. */
  readonly code: string;
  /** What to do about it. */
  readonly hint?: string;
}

const titles = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
} as const satisfies Partial<Record<ContentfulStatusCode, string>>;

/** Thrown by a route; the API answers with it as a problem document. */
export class ProblemError extends Error {
  readonly status: keyof typeof titles;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: keyof typeof titles, code: string, detail: string, hint?: string) {
    super(detail);
    this.name = 'ProblemError';
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

export function answerProblem(c: Context, { status, code, message, hint }: ProblemError): Response {
  const problem: Problem = {
    type: 'about:blank',
    title: titles[status],
    status,
    detail: message,
    code,
    ...(hint === undefined ? {} : { hint }),
  };
  return c.body(JSON.stringify(problem), status, { 'content-type': 'application/problem+json' });
}
