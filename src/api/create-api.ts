import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { showValue } from '../desired/shown-text.ts';
import type { ControllerPort } from './controller-port.ts';
import { eventRoutes } from './event-routes.ts';
import { createHealthApi } from './health-api.ts';
import { logRoutes } from './log-routes.ts';
import { OpenStreams } from './open-streams.ts';
import { operatorRoutes } from './operator-routes.ts';
import { answerProblem, ProblemError } from './problem.ts';
import { readRoutes } from './read-routes.ts';

const longestBody = 64 * 1024;

/** The whole API of a controller, for its own socket: who can open that may do everything. */
export function createApi(port: ControllerPort): Hono {
  const api = new Hono();
  const streams = new OpenStreams();
  // Conditions change with looks, not with questions: their times are kept from the look that changed them.
  port.loop.onLook(({ plan }) => {
    for (const { app, conditions } of plan?.apps ?? []) port.history.lastTransition(app, conditions);
  });
  api.use(async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
  });
  api.use(
    bodyLimit({
      maxSize: longestBody,
      onError: (c) =>
        answerProblem(c, new ProblemError(413, 'BodyTooLarge', 'the body is larger than 64 KiB')),
    }),
  );
  api.route('/', createHealthApi(port));
  api.route('/api/v1', readRoutes(port));
  api.route('/api/v1', eventRoutes(port, streams));
  api.route('/api/v1', logRoutes(port, streams));
  api.route('/api/v1', operatorRoutes(port));
  api.notFound((c) => answerProblem(c, unknownPath(api, c.req.method, c.req.path)));
  api.onError((error, c) => answerProblem(c, asProblem(error, port)));
  return api;
}

function unknownPath(api: Hono, method: string, path: string): ProblemError {
  const other = method === 'GET' ? 'POST' : 'GET';
  const [handlers] = api.router.match(other, path);
  // Middleware matches every path; a route of the other method comes on top of it.
  const everywhere = api.router.match(other, '/no/such/path')[0].length;
  return handlers.length > everywhere
    ? new ProblemError(405, 'MethodNotAllowed', `${method} ${showValue(path)}: use ${other}`)
    : new ProblemError(404, 'UnknownPath', `nothing is at ${showValue(path)}`);
}

function asProblem(error: Error, { log }: ControllerPort): ProblemError {
  if (error instanceof ProblemError) return error;
  // An edge's error tells itself: its message holds no credentials.
  if (error.name === 'EdgeError') {
    const reason = 'reason' in error && typeof error.reason === 'string' ? error.reason : 'EdgeError';
    return new ProblemError(503, reason, error.message, 'plimsoll doctor says how to mend it');
  }
  log?.error({ err: error }, 'a request failed, which is a bug');
  return new ProblemError(500, 'InternalError', 'a bug of ours; see the log of the controller');
}
