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
  readonly requestId: string;
}

const titles = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
} as const satisfies Partial<Record<ContentfulStatusCode, string>>;

export type ProblemStatus = keyof typeof titles;

/** Thrown by a route; the API answers with it as a problem document. */
export class ProblemError extends Error {
  readonly status: ProblemStatus;
  readonly code: string;
  readonly hint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ProblemStatus,
    code: string,
    detail: string,
    hint?: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.headers = headers;
  }
}

export function problemOf({ status, code, message, hint }: ProblemError, requestId: string): Problem {
  return {
    type: 'about:blank',
    title: titles[status],
    status,
    detail: message,
    code,
    ...(hint === undefined ? {} : { hint }),
    requestId,
  };
}
