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

const given = new EdgeError('transient', 'Given', 'a reason');

test('a call that takes long is given up and ended where there is a reason, and goes on where there is none', async () => {
  let isEnded = false;
  const unanswered = (signal: AbortSignal): Promise<never> => {
    signal.addEventListener('abort', () => {
      isEnded = true;
    });
    return new Promise(() => undefined);
  };
  const impatient = { patience: { after: 1, reason: async () => given } };
  assert.is(await ask(call, unanswered, impatient).catch((one: unknown) => one), given);
  assert.ok(isEnded);

  const { promise, resolve } = Promise.withResolvers<string>();
  const reason = async (): Promise<never> => {
    setTimeout(resolve, 1, 'late');
    throw given;
  };
  assert.is(await ask(call, () => promise, { patience: { after: 1, reason } }), 'late');
});

test('what is answered while a reason is looked for is an answer', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const reason = async (): Promise<EdgeError> => {
    resolve('answer');
    await promise;
    return given;
  };
  let signal: AbortSignal | undefined;
  const run = (one: AbortSignal): Promise<string> => {
    signal = one;
    return promise;
  };
  assert.is(await ask(call, run, { patience: { after: 1, reason } }), 'answer');
  await new Promise(setImmediate);
  assert.not.ok(signal?.aborted);
});

test.run();
