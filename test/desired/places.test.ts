import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Place, packed } from '../../src/desired/places.ts';
import { runs } from '../property-runs.ts';

const test = suite('places');

const span = fc.record({ start: fc.nat(), end: fc.nat() }, { noNullPrototype: true });
const place: fc.Arbitrary<Place> = fc.record(
  { key: span, value: span, written: fc.string({ unit: 'binary' }) },
  { requiredKeys: ['value'], noNullPrototype: true },
);
const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), place), {
  selector: ([pointer]) => pointer,
  maxLength: 30,
});

test('what was packed is what it was, also when nothing of it was kept', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await fc.assert(
    fc.asyncProperty(entries, async (wanted) => {
      const places = packed(new Map(wanted));
      assert.equal([...places], wanted, 'while it is kept');
      // Until then whoever asked for it may ask again.
      await setImmediate();
      collect();
      assert.equal([...places], wanted, 'read again');
      for (const [pointer, one] of wanted) {
        assert.equal(places.get(pointer), one);
        assert.ok(places.has(pointer));
      }
      assert.is(places.get('/no/such'), undefined);
      assert.not.ok(places.has('/no/such'));
    }),
    { numRuns: runs(100) },
  );
});

test.run();
