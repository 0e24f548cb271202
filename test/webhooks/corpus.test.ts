import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testCorpus } from '../corpus-file.ts';
import { createRoom } from './a-room.ts';
import { cases } from './cases.ts';

const byTitle = new Map(cases.map((one) => [`${one.to}: ${one.name}`, one]));
const asked = new Set<string>();

// The requests are in cases.ts, because each has to be signed; here is what is answered to them.
testCorpus(new URL('../corpus/webhooks/', import.meta.url), async ({ title }) => {
  asked.add(title);
  const one = byTitle.get(title);
  if (one === undefined) throw new Error(`cases.ts has no such request: ${title}`);
  const room = createRoom();
  const { to, method = 'POST', headers = {}, body } = one;
  const init = { method, headers: { ...headers }, ...(body === undefined ? {} : { body }) };
  const response = await room.hooks.request(`/webhooks/${to}`, init);
  const text = (await response.text()).replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID');
  room.history.close();
  return [`${response.status} ${response.headers.get('content-type') ?? ''}`.trim(), text];
});

test('every request has its answer', () => {
  assert.equal(
    [...byTitle.keys()].filter((title) => !asked.has(title)),
    [],
  );
});

test.run();
