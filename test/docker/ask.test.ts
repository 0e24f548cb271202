import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import { ask } from '../../src/docker/ask.ts';

const call = { operation: 'inspect', object: 'shop' };
const cut = Buffer.from('{"Id": "abc", "Na');

test('an answer that broke off in the middle of its JSON is no answer', async () => {
  const error = await ask(call, async () => cut).catch((one: unknown) => one);
  assert.instance(error, EdgeError);
  assert.is((error as EdgeError).kind, 'unreachable');
  assert.is((error as EdgeError).message, 'inspect shop: the answer of the engine broke off');
});

test('an answer in bytes or of a plain word is one', async () => {
  assert.is(await ask(call, async () => cut, { bytes: true }), cut);
  for (const text of ['', 'OK\n']) assert.is(String(await ask(call, async () => Buffer.from(text))), text);
});

test.run();
