import type { Operation } from './operation.ts';
import { flag, named, object, text } from './schema.ts';

export const deploymentLogOperations = {
  getDeploymentLogs: {
    method: 'GET',
    rate: 'read',
    scope: 'logs',
    path: '/api/v1/deployments/{id}/logs',
    tag: 'history',
    summary: 'What was done in a deployment and what came of it, line by line',
    description:
      'Its steps, and for each container that was given up what its probes answered and the last it wrote. Lines of text; with `follow` server-sent events `line` as long as it is open, and then `end`. `Last-Event-ID` resumes a stream.',
    params: { id: text('As the list says.', { minLength: 1, maxLength: 200, examples: ['shop-1'] }) },
    query: { follow: flag('Go on until it ends.') },
    headers: { 'Last-Event-ID': text('Goes on after this event.') },
    answer: {
      'text/plain': { type: 'string' },
      'text/event-stream': {
        type: 'string',
        'x-events': { line: named('DeploymentLine'), end: object({}) },
      },
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;
