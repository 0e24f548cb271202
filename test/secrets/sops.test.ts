import { createCipheriv, createHash } from 'node:crypto';
import { armor, Encrypter } from 'age-encryption';
import fc from 'fast-check';
import { decryptSops } from 'sops-age';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import { EdgeError } from '../../src/apply/ports.ts';
import { type Identities, noIdentities } from '../../src/secrets/identities.ts';
import { openSops } from '../../src/secrets/open-sops.ts';
import {
  knownOf,
  newSealing,
  nothingKnown,
  plainDocument,
  readPlainSecret,
  sealDocument,
  sealingOf,
} from '../../src/secrets/seal-sops.ts';
import { readRule } from '../../src/secrets/sops-rule.ts';
import { runs } from '../property-runs.ts';
import { anIdentity, encrypt, plainSecret } from './a-secret.ts';

const me = await anIdentity();
const other = await anIdentity();

async function valuesOf(text: string, identities: Identities = me): Promise<Record<string, string>> {
  const { values } = await openSops(text, 'app.yaml', identities);
  return Object.fromEntries(values.map(({ leaf, plain }) => [leaf.path.join('.'), plain]));
}

async function refusal(work: Promise<unknown>): Promise<EdgeError> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, EdgeError);
    return error as EdgeError;
  }
  throw new Error('it was not refused');
}

/** Every form that a value can be written in, and comments at every place. */
const everything = `# top
apiVersion: plimsoll/v1
kind: Secret # kind
metadata: {name: db, description: "x # y"}
data: # beside
  # above first

  # second
  PLAIN: one # inline
  BLOCK: |  # header
    multi # not
    line
  # between
  DOUBLE: "quoted # no\\u0007"
  SINGLE: 'it''s'
  FOLDED: >-
    folded
    text
  INT: 12
  OCTAL: 012
  WORD: yes
  BOOL: true
  UPPER: True
  FLOAT: 1.5
  EXPONENT: 1e3
  KEPT: |2+
      lead

  DATE: 2020-01-01
  LINES: multi
    line plain
  COLON: "a: b"
  # after, indented
# root comment
`;

test('what we encrypt the independent reader decrypts', async () => {
  const text = await encrypt(everything, me.recipients);
  const read = (await decryptSops(text, { secretKey: me.keys[0] ?? '', fileType: 'yaml' })) as {
    data: Record<string, unknown>;
  };
  assert.equal(read.data, {
    PLAIN: 'one',
    BLOCK: 'multi # not\nline\n',
    DOUBLE: 'quoted # no\u0007',
    SINGLE: "it's",
    FOLDED: 'folded text',
    INT: 12,
    OCTAL: '012',
    WORD: 'yes',
    BOOL: true,
    UPPER: 'True',
    FLOAT: 1.5,
    EXPONENT: '1e3',
    KEPT: '  lead\n\n',
    DATE: '2020-01-01',
    LINES: 'multi line plain',
    COLON: 'a: b',
  });
});

test('an encrypted file shows keys, order and what is not data, and nothing of values and their comments', async () => {
  const text = await encrypt(everything, me.recipients);
  const { sops, ...rest } = parse(text) as Record<string, Record<string, string>>;
  assert.equal(Object.keys(rest.data ?? {}), Object.keys(parse(everything).data));
  assert.ok(
    Object.values(rest.data ?? {}).every((value) => /^ENC\[AES256_GCM,data:.+,type:\w+\]$/.test(value)),
  );
  assert.is(sops?.encrypted_regex, '^(data)$');
  for (const kept of ['# top', '# kind', '# beside', '# root comment']) assert.ok(text.includes(kept), kept);
  for (const gone of ['above first', 'second', 'inline', 'header', 'between', 'after, indented'])
    assert.not.ok(text.includes(gone), gone);
});

test('a file that was decrypted and encrypted again differs in nothing but the MAC', async () => {
  const first = await encrypt(everything, me.recipients);
  const opened = await openSops(first, 'app.yaml', me);
  const plain = plainDocument(opened);
  const again = sealDocument(readPlainSecret(plain, 'app.yaml'), sealingOf(opened), {
    known: knownOf(opened),
    now: new Date(),
  });
  const before = first.split('\n');
  const changed = again.split('\n').filter((line, index) => line !== before[index]);
  assert.ok(
    changed.every((line) => /^ {4}(?:mac|lastmodified): /.test(line)),
    changed.join('\n'),
  );
  assert.equal(await valuesOf(again), await valuesOf(first));
});

test('a value that was edited gets a new ciphertext, and no other does', async () => {
  const opened = await openSops(await encrypt(everything, me.recipients), 'app.yaml', me);
  const edited = plainDocument(opened).replace('PLAIN: one', 'PLAIN: two\n  NEW: three');
  const again = sealDocument(readPlainSecret(edited, 'app.yaml'), sealingOf(opened), {
    known: knownOf(opened),
    now: new Date(),
  });
  const before = parse(opened.document.source.text).data as Record<string, string>;
  const after = parse(again).data as Record<string, string>;
  assert.equal(
    Object.keys(after).filter((key) => after[key] !== before[key]),
    ['PLAIN', 'NEW'],
  );
  assert.is((await valuesOf(again))['data.NEW'], 'three');
});

test('any text comes back as it was', async () => {
  const text = fc
    .string({
      unit: fc.constantFrom(...'ab:#\'"\\ \t\n|>-&*!%@{}[],?0é😀\u0085\u2028\ufeff'),
      minLength: 1,
      maxLength: 30,
    })
    .filter((value) => value !== '');
  await fc.assert(
    fc.asyncProperty(text, text, fc.boolean(), async (one, two, isCommented) => {
      const plain = plainSecret('db', { A: one, B: two }).replace(/^ {2}A: [^\n]*/m, (line) =>
        isCommented ? `${line} # beside` : line,
      );
      const opened = await openSops(await encrypt(plain, me.recipients), 'app.yaml', me);
      const shown = plainDocument(opened);
      assert.equal(parse(shown).data, { A: one, B: two }, shown);
      assert.is(shown.includes('# beside'), isCommented);
    }),
    { numRuns: runs(200) },
  );
});

/** By the description of the format alone, with nothing of ours: AES-GCM with 32 bytes of nonce, SHA-512 of the values. */
async function byHand(
  document: string,
  {
    rule,
    values,
    counted,
  }: { rule: string; values: Record<string, [string, string]>; counted: string | Uint8Array },
): Promise<string> {
  const dataKey = Buffer.alloc(32, 7);
  const seal = (plain: string, aad: string, type: string) => {
    const iv = createHash('sha256').update(`${aad}${plain}`).digest();
    const cipher = createCipheriv('aes-256-gcm', dataKey, iv);
    cipher.setAAD(Buffer.from(aad));
    const data = Buffer.concat([cipher.update(plain), cipher.final()]).toString('base64');
    return `ENC[AES256_GCM,data:${data},iv:${iv.toString('base64')},tag:${cipher.getAuthTag().toString('base64')},type:${type}]`;
  };
  const text = Object.entries(values).reduce(
    (result, [place, [plain, type]]) => result.replaceAll(`<${place}>`, () => seal(plain, place, type)),
    document,
  );
  const encrypter = new Encrypter();
  encrypter.addRecipient(me.recipients[0] ?? '');
  const enc = armor
    .encode(await encrypter.encrypt(dataKey))
    .replaceAll(/^/gm, '              ')
    .trimEnd();
  const mac = seal(
    createHash('sha512').update(counted).digest('hex').toUpperCase(),
    '2026-03-01T10:00:00Z',
    'str',
  );
  return `${text}sops:
    kms: []
    age:
        - recipient: ${me.recipients[0]}
          enc: |
${enc}
    lastmodified: '2026-03-01T10:00:00Z'
    mac: ${mac}
${rule}    version: 3.8.1
`;
}

test('a file made by hand from the description of SOPS opens, with every type and a list', async () => {
  const text = await byHand(
    `apiVersion: plimsoll/v1
kind: Secret
metadata:
    name: db
    x-number: 010
    x-date: 2020-01-02
    x-null: ~
    x-float: 1e3
data:
    #<data:!>
    STR: <data:STR:>
    INT: <data:INT:>
    FLOAT: <data:FLOAT:>
    BOOL: <data:BOOL:>
    BYTES: <data:BYTES:>
    LIST:
        - <data:LIST:>
        - DEEP: <data:LIST:DEEP:>
`.replace('<data:!>', '<data:>'),
    {
      rule: '    encrypted_regex: ^(data|stringData)$\n',
      values: {
        'data:': [' a comment', 'comment'],
        'data:STR:': ['näive', 'str'],
        'data:INT:': ['-42', 'int'],
        'data:FLOAT:': ['0.5', 'float'],
        'data:BOOL:': ['True', 'bool'],
        'data:BYTES:': ['raw', 'bytes'],
        'data:LIST:': ['item', 'str'],
        'data:LIST:DEEP:': ['deep', 'str'],
      },
      counted: 'plimsoll/v1Secretdb82020-01-02T00:00:00Z1000näive-420.5Truerawitemdeep',
    },
  );
  const opened = await openSops(text, 'app.yaml', me);
  assert.equal(
    opened.values.filter(({ type }) => type !== undefined).map(({ plain, type }) => [plain, type]),
    [
      ['näive', 'str'],
      ['-42', 'int'],
      ['0.5', 'float'],
      ['True', 'bool'],
      ['raw', 'bytes'],
      ['item', 'str'],
      ['deep', 'str'],
    ],
  );
  assert.equal(
    opened.comments.map(({ plain }) => plain),
    [' a comment'],
  );
});

/** What the MAC begins with when it counts only what is encrypted. */
const onlyEncrypted = Buffer.from('8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69', 'hex');

for (const [rule, open, counted] of [
  ['encrypted_suffix: _secret', 'a_open', 'opentop'],
  ['unencrypted_suffix: _open', 'a_open', 'opentop'],
  ['unencrypted_regex: _open$', 'a_open', 'opentop'],
  ['encrypted_regex: ^b', 'a_open', 'opentop'],
  ["unencrypted_suffix: ''", 'a_unencrypted', 'opentop'],
  [
    'mac_only_encrypted: true\n    encrypted_suffix: _secret',
    'a_open',
    Buffer.concat([onlyEncrypted, Buffer.from('top')]),
  ],
] as const)
  test(`the rule of the file is kept: ${rule.replace(/\n */, ', ')}`, async () => {
    const text = await byHand(`${open}: open\nb_secret: <b_secret:>\n`, {
      rule: `    ${rule}\n`,
      values: { 'b_secret:': ['top', 'str'] },
      counted,
    });
    assert.equal(await valuesOf(text), { [open]: 'open', b_secret: 'top' });
  });

test('with mac_only_encrypted what is not encrypted may change, and values may not', async () => {
  const text = await encrypt(plainSecret('db', { A: 'one', B: 'two' }), me.recipients, {
    macOnlyEncrypted: true,
  });
  assert.is((await valuesOf(text.replace('name: db', 'name: bd')))['metadata.name'], 'bd');
  assert.match(
    (await refusal(openSops(text.replace(/^ {2}B: .*\n/m, ''), 'app.yaml', me))).message,
    /MAC mismatch/,
  );
});

/** What somebody without the key can do to a file, and what is said of it. */
const manipulations: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  [
    'a value changed',
    (text) => text.replace(/(A: ENC\[AES256_GCM,data:)(..)/, '$1xx'),
    /data\.A cannot be authenticated/,
  ],
  ['a tag changed', (text) => text.replace(/(A: .*tag:)(....)/, '$1AAAA'), /data\.A cannot be authenticated/],
  [
    'a tag cut short',
    (text) => text.replace(/(A: .*tag:)[^,]+/, '$1AAAAAAAAAAAAAAAA'),
    /data\.A is no value of SOPS/,
  ],
  ['a type changed', (text) => text.replace(/(A: .*type:)str/, '$1comment'), /data\.A is no value of SOPS/],
  ['a type changed to a number', (text) => text.replace(/(A: .*type:)str/, '$1float'), /^$/],
  [
    'something behind a value',
    (text) => text.replace(/(A: .*type:str\])/, '$1x'),
    /data\.A is no value of SOPS/,
  ],
  ['two values swapped', (text) => swap(text, 'A', 'B'), /data\.A holds the value of data\.B: it was moved/],
  [
    'a value copied to another key',
    (text) => text.replace(/B: .*/, `B: ${valueAt(text, 'A')}`),
    /data\.B holds the value of data\.A/,
  ],
  ['a key renamed', (text) => text.replace('  A: ', '  Z: '), /data\.Z cannot be authenticated/],
  ['a key removed', (text) => text.replace(/ {2}A: .*\n/, ''), /MAC mismatch/],
  ['two keys in another order', (text) => text.replace(/( {2}A: .*\n)( {2}B: .*\n)/, '$2$1'), /MAC mismatch/],
  [
    'a key added, plain',
    (text) => text.replace('\ndata:\n', '\ndata:\n  NEW: plain\n'),
    /data\.NEW is not encrypted/,
  ],
  [
    'a key added, a number',
    (text) => text.replace('\ndata:\n', '\ndata:\n  NEW: 5\n'),
    /data\.NEW is not encrypted/,
  ],
  ['a key added, empty', (text) => text.replace('\ndata:\n', '\ndata:\n  NEW: ""\n'), /data\.NEW is empty/],
  ['a key added, null', (text) => text.replace('\ndata:\n', '\ndata:\n  NEW:\n'), /data\.NEW has no value/],
  ['a value made plain', (text) => text.replace(/A: .*/, 'A: plain'), /data\.A is not encrypted/],
  ['a value emptied', (text) => text.replace(/A: .*/, 'A: ""'), /data\.A is empty/],
  ['the name changed', (text) => text.replace('name: db', 'name: bd'), /MAC mismatch/],
  [
    'a field added outside',
    (text) => text.replace('metadata:\n', 'metadata:\n  description: x\n'),
    /MAC mismatch/,
  ],
  [
    'the time changed',
    (text) => text.replace(/lastmodified: "2/, 'lastmodified: "3'),
    /sops\.mac or sops\.lastmodified/,
  ],
  ['the time removed', (text) => text.replace(/ *lastmodified: .*\n/, ''), /sops\.lastmodified is missing/],
  ['the MAC removed', (text) => text.replace(/ *mac: .*\n/, ''), /sops\.mac is missing/],
  ['the MAC emptied', (text) => text.replace(/mac: .*/, 'mac: ""'), /sops\.mac is missing/],
  ['the rule changed', (text) => text.replace('^(data)$', '^(nothing)$'), /MAC mismatch/],
  ['the rule removed', (text) => text.replace(/ *encrypted_regex: .*\n/, ''), /apiVersion is not encrypted/],
  ['the MAC limited to values', (text) => `${text}    mac_only_encrypted: true\n`, /MAC mismatch/],
  [
    'an alias',
    (text) => text.replace('name: db', 'name: &x db').replace('\ndata:\n', '\ndata:\n  NEW: *x\n'),
    /alias/,
  ],
  ['a duplicate key', (text) => text.replace('\ndata:\n', `\ndata:\n  B: ${valueAt(text, 'B')}\n`), /"B"/],
  ['no sops at all', (text) => text.slice(0, text.indexOf('sops:')), /not encrypted/],
  ['a second document', (text) => `${text}---\na: b\n`, /one YAML document/],
  ['no YAML', (text) => `${text}\n\t]`, /invalid YAML/],
];

function valueAt(text: string, key: string): string {
  return new RegExp(`^  ${key}: (.*)$`, 'm').exec(text)?.[1] ?? '';
}

function swap(text: string, a: string, b: string): string {
  const [one, two] = [valueAt(text, a), valueAt(text, b)];
  return text.replace(one, '<>').replace(two, one).replace('<>', two);
}

const intact = await encrypt(plainSecret('db', { A: 'value-of-a', B: 'value-of-b' }), me.recipients);

for (const [what, manipulate, told] of manipulations)
  test(`a manipulated file is refused: ${what}`, async () => {
    const text = manipulate(intact);
    assert.is.not(text, intact, 'the manipulation did nothing');
    if (told.source === '^$') {
      // The type is not authenticated: a text stays the text it is.
      assert.is((await valuesOf(text))['data.A'], 'value-of-a');
      return;
    }
    const { reason, message } = await refusal(openSops(text, 'app.yaml', me));
    assert.is(reason, 'Corrupt');
    assert.match(message, told);
    assert.not.match(message, /value-of/);
  });

test('no single character of data and MAC can be changed', async () => {
  const from = intact.indexOf('\ndata:') + 1;
  const keys = intact.indexOf('sops:');
  const mac = intact.indexOf('mac: ENC');
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom(...'Aa0+/= :x'), async (where, char) => {
      const places = [...Array(keys - from).keys()]
        .map((at) => from + at)
        .concat([...Array(300).keys()].map((at) => mac + 5 + at));
      const at = places[where % places.length] ?? from;
      fc.pre(intact.charAt(at) !== char && intact.charAt(at) !== '\n');
      const text = `${intact.slice(0, at)}${char}${intact.slice(at + 1)}`;
      // Indentation and the name of a type are no part of what is said.
      const isHarmless = await valuesOf(text).then(
        (values) =>
          assert.equal(values, {
            apiVersion: 'plimsoll/v1',
            kind: 'Secret',
            'metadata.name': 'db',
            'data.A': 'value-of-a',
            'data.B': 'value-of-b',
          }),
        (error: unknown) => assert.instance(error, EdgeError),
      );
      return isHarmless === undefined;
    }),
    { numRuns: runs(500) },
  );
});

test('whatever is done to a file, its values are what they were or it is refused', async () => {
  const piece = fc.constantFrom(
    '- ',
    '\n',
    '[',
    '{',
    ': ',
    '#',
    '"',
    "'",
    '&a ',
    '*a',
    '? ',
    '|\n',
    '~',
    '\t',
    'ENC[',
    '---\n',
    '!t ',
    '9e999',
  );
  const change = fc.tuple(fc.nat(), piece, fc.nat(40));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const text = changes.reduce((before, [where, fresh, gone]) => {
        const at = where % before.length;
        return before.slice(0, at) + fresh + before.slice(at + gone);
      }, intact);
      const opened = await openSops(text, 'app.yaml', me).catch((error: unknown) => {
        assert.instance(error, EdgeError);
        assert.not.match((error as EdgeError).message, /value-of/);
      });
      for (const { type, plain } of opened?.values ?? [])
        if (type !== undefined) assert.ok(['value-of-a', 'value-of-b'].includes(plain));
    }),
    { numRuns: runs(500) },
  );
});

test('any of several recipients opens it, and nobody else', async () => {
  const text = await encrypt(plainSecret('db', { A: 'one' }), [...other.recipients, ...me.recipients]);
  assert.is((await valuesOf(text, me))['data.A'], 'one');
  assert.is((await valuesOf(text, other))['data.A'], 'one');
  const third = await anIdentity();
  const { reason, message } = await refusal(openSops(text, 'app.yaml', third));
  assert.is(reason, 'NoIdentity');
  for (const recipient of [...me.recipients, ...other.recipients, ...third.recipients])
    assert.ok(message.includes(recipient));
  assert.match(
    (await refusal(openSops(text, 'app.yaml', noIdentities))).message,
    /there is no identity here/,
  );
});

test('a damaged data key is told from one for somebody else', async () => {
  const text = await encrypt(plainSecret('db', { A: 'one' }), me.recipients);
  const damaged = text.replace(/(-----BEGIN AGE ENCRYPTED FILE-----\n(?:.*\n){3} *)..../, '$1AAAA');
  const { reason, message } = await refusal(openSops(damaged, 'app.yaml', me));
  assert.is(reason, 'Corrupt');
  assert.match(message, /data key for our recipient is damaged/);
});

test('keys of other services beside age are ignored, alone they are an error that names them', async () => {
  const kms =
    "    kms:\n        - arn: arn:aws:kms:x\n          created_at: '2026-01-01T00:00:00Z'\n          enc: x\n";
  const text = await encrypt(plainSecret('db', { A: 'one' }), me.recipients);
  assert.is((await valuesOf(`${text}${kms}`))['data.A'], 'one');
  const alone = `${text.replace(/ {4}age:\n(?: {8}.*\n)+/, '')}${kms}`;
  const { reason, message } = await refusal(openSops(alone, 'app.yaml', me));
  assert.is(reason, 'Unsupported');
  assert.match(message, /kms alone/);
});

/** Parts of a key as Shamir's scheme makes them, by tables of logarithms: another way than ours. */
function split(key: Uint8Array, parts: number, threshold: number): Uint8Array[] {
  const exp = new Uint8Array(510);
  const log = new Uint8Array(256);
  for (let at = 0, value = 1; at < 255; at++) {
    exp[at] = value;
    exp[at + 255] = value;
    log[value] = at;
    value = value ^ (value << 1) ^ (value & 0x80 ? 0x11b : 0);
  }
  const multiply = (a: number, b: number) => (a && b ? (exp[(log[a] ?? 0) + (log[b] ?? 0)] ?? 0) : 0);
  return Array.from({ length: parts }, (_, index) => {
    const x = index + 1;
    return Uint8Array.from([
      ...[...key].map((byte, at) => {
        let result = 0;
        for (let degree = threshold - 1; degree > 0; degree--)
          result = multiply(result ^ ((at * 31 + degree * 17 + 5) & 0xff), x);
        return result ^ byte;
      }),
      x,
    ]);
  });
}

test('key groups: as many as the threshold says are needed', async () => {
  const dataKey = Buffer.alloc(32, 9);
  const third = await anIdentity();
  const owners = [me, other, third];
  const groups = [];
  for (const [index, part] of split(dataKey, 3, 2).entries()) {
    const recipient = owners[index]?.recipients[0] ?? '';
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    groups.push({ age: [{ recipient, enc: armor.encode(await encrypter.encrypt(part)) }] });
  }
  const sealing = await newSealing(dataKey, []);
  const { age: _age, ...fields } = sealing.fields;
  const text = sealDocument(
    readPlainSecret(plainSecret('db', { A: 'shared' }), 'app.yaml'),
    { ...sealing, fields: { shamir_threshold: 2, key_groups: groups, ...fields } },
    { known: nothingKnown, now: new Date() },
  );
  const both = (...held: readonly Identities[]) => ({
    keys: held.flatMap(({ keys }) => keys),
    recipients: held.flatMap(({ recipients }) => recipients),
  });
  for (const held of [both(me, other), both(other, third), both(me, third), both(me, other, third)])
    assert.is((await valuesOf(text, held))['data.A'], 'shared');
  const { reason, message } = await refusal(openSops(text, 'app.yaml', me));
  assert.is(reason, 'NoIdentity');
  assert.match(message, /2 groups are needed/);
});

test('a pattern that could keep us busy for ever is refused', async () => {
  for (const pattern of ['(a+)+$', '(a|a)*b', '.*.*.*=.*', '(', 'a'.repeat(600)])
    assert.throws(() => readRule({ encrypted_regex: pattern }), /pattern/);
  for (const pattern of ['^(data|stringData)$', '(?i)^data$', '^data[0-9]+$', '^(data|x-.*)$'])
    assert.ok(readRule({ encrypted_regex: pattern })?.isEncrypted(['data', 'x']) !== undefined);
  assert.throws(() => readRule({ encrypted_regex: 'a', unencrypted_suffix: 'b' }), /both/);
  assert.throws(() => readRule({ encrypted_comment_regex: 'a' }), /not supported/);
});

test('a document that is no plain secret says why, and tells nothing of its values', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [stringify({ kind: 'App' }), /kind Secret/],
    [plainSecret('db', { A: 'x' }).replace('plimsoll/v1', 'v1'), /apiVersion/],
    [plainSecret('db', { A: 'x' }).replace('\ndata:', '\nprovider: env\ndata:'), /provider/],
    [plainSecret('db', {}), /data is no mapping/],
    [plainSecret('db', { A: 'x' }).replace('"x"', '[topsecret]'), /data\.A is a list|data\.A/],
    [plainSecret('db', { A: 'x' }).replace('"x"', '{B: topsecret}'), /data\.A/],
    [plainSecret('db', { A: 'x' }).replace('"x"', '"topsecret'), /the YAML is invalid/],
    [plainSecret('db', { A: 'x' }).replace('"x"', '%topsecret'), /the YAML is invalid/],
    [plainSecret('db', { A: 'x' }).replace('"x"', '*topsecret'), /the YAML is invalid/],
    [plainSecret('db', { A: 'x' }).replace('"x"', '!topsecret x'), /the YAML is invalid/],
    [plainSecret('db', { A: 'x' }).replace('"x"', '&topsecret x\n  B: *topsecret'), /data\.B is an alias/],
    [`${plainSecret('db', { A: 'topsecret' })}  A: topsecret\n`, /"A" is given twice/],
    [plainSecret('db', { A: 'x' }).replace('"x"', '"top\u0001secret"'), /control character/],
  ];
  for (const [text, told] of cases) {
    const { message } = await refusal((async () => readPlainSecret(text, 'app.yaml'))());
    assert.match(message, told);
    assert.not.match(message, /topsecret/);
  }
});

test('empty and missing values are not encrypted', async () => {
  for (const value of ['', '~', '""'])
    assert.match(
      (await refusal(encrypt(`${plainSecret('db', { B: 'x' })}  A: ${value}\n`, me.recipients))).message,
      /data\.A (?:is empty|has no value)/,
    );
});

test.run();
