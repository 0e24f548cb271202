// Started by webhooks.ts: the endpoints of a controller, with a history on the disk, in a process of their own.

import process from 'node:process';
import { serveTcp } from '../src/api/serve.ts';
import { openHistory } from '../src/history/history.ts';
import { createWebhooks } from '../src/webhooks/create-webhooks.ts';

export type ServerOrder = 'memory' | 'rows';

export type FromServer =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'memory'; readonly mebibytes: number }
  | { readonly kind: 'rows'; readonly refused: number };

const [path = ':memory:', secret = ''] = process.argv.slice(2);
const history = openHistory({ path, now: Date.now });
let look = 0;
const hooks = createWebhooks({
  webhooks: { github: { secrets: ['another-secret', secret] } },
  deliveries: history.deliveries,
  sources: () => [
    { name: 'config', address: 'git@git.example.com:acme/config.git', follows: { branch: 'main' } },
  ],
  trigger: async () => {
    look += 1;
    return { look, revision: 'a'.repeat(40) };
  },
  now: Date.now,
});
const { port } = await serveTcp(hooks, '127.0.0.1', 0);

process.on('message', (order: ServerOrder) => tell(answer(order)));
process.on('disconnect', () => process.exit());
tell({ kind: 'listening', port });

function answer(order: ServerOrder): FromServer {
  if (order === 'memory') {
    return { kind: 'memory', mebibytes: Math.round(process.memoryUsage.rss() / 2 ** 20) };
  }
  return { kind: 'rows', refused: history.deliveries.list({ limit: 1_000, outcome: 'refused' }).length };
}

function tell(message: FromServer): void {
  process.send?.(message);
}
