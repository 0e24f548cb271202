import { json, type Operation, paging } from './operation.ts';
import { named, word } from './schema.ts';
import { outcomes, webhookProviders } from './source-schemas.ts';

const reads = { method: 'GET', rate: 'read', scope: 'read' } as const;

export const sourceOperations = {
  listSources: {
    ...reads,
    path: '/api/v1/sources',
    tag: 'host',
    summary: 'Where desired comes from, in the order of the configuration',
    description: 'What each source follows, what of it is enforced, and why that may not be the newest.',
    query: paging(100),
    answer: json(named('SourcePage')),
  },
  listDeliveries: {
    ...reads,
    path: '/api/v1/webhooks/deliveries',
    tag: 'webhooks',
    hostWide: true,
    summary: 'What forges sent, and what came of it; newest first',
    query: {
      ...paging(100),
      provider: word('Only of this forge.', webhookProviders, { examples: ['github'] }),
      outcome: word('Only those that ended so.', outcomes, { examples: ['accepted'] }),
    },
    answer: json(named('DeliveryPage')),
  },
} as const satisfies Readonly<Record<string, Operation>>;
