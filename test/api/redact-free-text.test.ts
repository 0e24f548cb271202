import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { redactFreeText } from '../../src/api/redact-free-text.ts';

const redact = (text: string) => text.replaceAll('shop', '***').replaceAll('5432', '***');

test('free text is cleaned at every depth, names and numbers stay', () => {
  assert.equal(
    redactFreeText(
      {
        name: 'shop',
        port: 5432,
        image: 'registry.test/shop:5432',
        labels: { shop: 'shop', tier: '5432' },
        items: [{ id: 'shop-5432', message: 'shop listens on 5432', count: 5432 }],
        error: { reason: 'shopping', message: 'no 5432' },
        conditions: [{ type: 'Ready', reason: 'Reconciled', message: 'shop' }],
        differences: [{ path: 'spec.env.shop', live: '5432', desired: 'shop', cause: 'commit' }],
        evidence: [{ container: 'shop', log: ['shop', 'ok 5432'], attempts: [{ ok: true, detail: 'shop' }] }],
        verification: { by: 'shop', refused: { why: 'of shop' } },
        next: null,
      },
      redact,
    ),
    {
      name: 'shop',
      port: 5432,
      image: 'registry.test/shop:5432',
      labels: { shop: 'shop', tier: '5432' },
      items: [{ id: 'shop-5432', message: '*** listens on ***', count: 5432 }],
      error: { reason: '***ping', message: 'no ***' },
      conditions: [{ type: 'Ready', reason: 'Reconciled', message: '***' }],
      differences: [{ path: 'spec.env.shop', live: '***', desired: '***', cause: 'commit' }],
      evidence: [{ container: 'shop', log: ['***', 'ok ***'], attempts: [{ ok: true, detail: '***' }] }],
      verification: { by: 'shop', refused: { why: 'of ***' } },
      next: null,
    },
  );
});

test('a reason in PascalCase is a word of ours even when a secret is the same word', () => {
  const hideAll = () => '***';
  assert.equal(redactFreeText({ reason: 'Healthy' }, hideAll), { reason: 'Healthy' });
  assert.equal(redactFreeText({ reason: 'so I said' }, hideAll), { reason: '***' });
});

test('the shape of any value stays as it is, and without secrets the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(
        redactFreeText(value, (text) => text),
        value,
      );
      const shape = (one: unknown): unknown =>
        Array.isArray(one)
          ? one.map(shape)
          : typeof one === 'object' && one !== null
            ? Object.entries(one).map(([name, inner]) => [name, shape(inner)])
            : typeof one;
      assert.equal(shape(redactFreeText(value, () => '***')), shape(value));
    }),
  );
});

test.run();
