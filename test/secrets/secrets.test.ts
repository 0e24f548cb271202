import { chmod, link, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { compareSync } from 'bcryptjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import { type OpenedSecret, sopsVersion } from '../../src/desired/secret.ts';
import { inspectIdentity, readIdentityFile } from '../../src/secrets/identities.ts';
import { openSops } from '../../src/secrets/open-sops.ts';
import {
  knownOf,
  plainDocument,
  readPlainSecret,
  sealDocument,
  sealingOf,
} from '../../src/secrets/seal-sops.ts';
import { createSecrets, type Secrets, type SecretsOptions } from '../../src/secrets/secrets.ts';
import { anIdentity, encrypt, inFolder, plainSecret, sealed, writeIdentity } from './a-secret.ts';

const me = await anIdentity();
const other = await anIdentity();
const warnings: string[] = [];

function secretsIn(folder: string, over: Partial<SecretsOptions> = {}): Secrets {
  return createSecrets({
    identity: join(folder, 'age.key'),
    stateDir: join(folder, 'state'),
    providers: {},
    warn: (message) => warnings.push(message),
    ...over,
  });
}

async function openOne(secrets: Secrets, text: string): Promise<OpenedSecret> {
  const secret = sealed(text);
  const opened = (await secrets.open([secret])).get(secret.name);
  if (opened === undefined) throw new Error('no answer for the secret');
  return opened;
}

async function versionsOf(secrets: Secrets, text: string): Promise<Readonly<Record<string, string>>> {
  const opened = await openOne(secrets, text);
  if (opened.kind === 'sealed') throw new Error(`${opened.reason}: ${opened.message}`);
  return opened.versions;
}

async function sealedReason(secrets: Secrets, text: string): Promise<string> {
  const opened = await openOne(secrets, text);
  return opened.kind === 'sealed' ? opened.reason : 'open';
}

async function refused(work: Promise<unknown>): Promise<EdgeError> {
  return work.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: unknown) => {
      assert.instance(error, EdgeError);
      return error as EdgeError;
    },
  );
}

/** The same file with one value edited, as `plimsoll secret edit` leaves it. */
async function edit(text: string, from: string, to: string): Promise<string> {
  const opened = await openSops(text, 'app.yaml', me);
  const plain = plainDocument(opened).replace(from, to);
  return sealDocument(readPlainSecret(plain, 'app.yaml'), sealingOf(opened), {
    known: knownOf(opened),
    now: new Date(),
  });
}

test('opens a secret, reveals its values by version, and says nothing before', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const secrets = secretsIn(folder);
    const text = await encrypt(plainSecret('db', { USER: 'ann', PASSWORD: 'corr3ct horse' }), me.recipients);
    const versions = await versionsOf(secrets, text);
    const { data } = sealed(text);
    assert.equal(versions, {
      USER: sopsVersion(data.USER ?? ''),
      PASSWORD: sopsVersion(data.PASSWORD ?? ''),
    });
    const value = { secret: 'db/PASSWORD', version: versions.PASSWORD ?? '' };
    assert.is(await secrets.reveal(value), 'corr3ct horse');
    assert.is(secrets.matches(value, 'corr3ct horse'), true);
    assert.is(secrets.matches(value, 'battery'), false);
    assert.is(secrets.matches({ secret: 'db/PASSWORD', version: '0'.repeat(16) }, 'battery'), undefined);
    assert.is(secrets.redact('password=corr3ct horse'), 'password=***');
    assert.equal(secrets.redactValue({ port: 80, list: ['is corr3ct horse', null] }), {
      port: 80,
      list: ['is ***', null],
    });
  }));

test('numbers and booleans of SOPS are revealed as they stand', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const secrets = secretsIn(folder);
    const plain = plainSecret('db', { A: '1', B: 'x', C: 'y' })
      .replace('"1"', '5432')
      .replace('"x"', 'true')
      .replace('"y"', '0.10');
    const versions = await versionsOf(secrets, await encrypt(plain, me.recipients));
    const revealed = await Promise.all(
      Object.entries(versions).map(([key, version]) => secrets.reveal({ secret: `db/${key}`, version })),
    );
    assert.equal(revealed, ['5432', 'true', '0.10']);
  }));

test('one secret that cannot be opened harms no other, and says why', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const secrets = secretsIn(folder);
    const good = await encrypt(plainSecret('good', { A: 'value-1' }), me.recipients);
    const foreign = await encrypt(plainSecret('foreign', { A: 'value-2' }), other.recipients);
    const changed = (await encrypt(plainSecret('changed', { A: 'value-3' }), me.recipients)).replace(
      '  A:',
      '  B:',
    );
    const opened = await secrets.open([foreign, changed, good].map(sealed));
    assert.is(opened.get('good')?.kind, 'open');
    const told = ['foreign', 'changed'].map((name) => {
      const one = opened.get(name);
      return one?.kind === 'sealed' ? `${one.reason}: ${one.message}` : 'open';
    });
    assert.match(told[0] ?? '', /^NoIdentity: encrypted for .*age1/);
    assert.match(told[1] ?? '', /^Corrupt: data\.B /);
  }));

test('a value edited in git has another version, the others keep theirs', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const secrets = secretsIn(folder);
    const first = await encrypt(plainSecret('db', { A: 'value-one', B: 'value-two' }), me.recipients);
    const before = await versionsOf(secrets, first);
    const after = await versionsOf(secrets, await edit(first, 'value-one', 'value-new'));
    assert.is.not(after.A, before.A);
    assert.is(after.B, before.B);
  }));

test('a version that git does not hold any more is revealed after a restart, until it is forgotten', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const first = await encrypt(plainSecret('db', { A: 'value-one', B: 'value-two' }), me.recipients);
    const second = await edit(first, 'value-one', 'value-new');
    const running = secretsIn(folder);
    const before = await versionsOf(running, first);
    const after = await versionsOf(running, second);

    const restarted = secretsIn(folder);
    const old = { secret: 'db/A', version: before.A ?? '' };
    assert.is(await restarted.reveal(old), 'value-one');
    assert.is(restarted.redact('value-one'), '***');
    await versionsOf(restarted, second);
    await restarted.keep(new Set([...Object.values(after), old.version]));
    assert.is(await restarted.reveal(old), 'value-one');

    await restarted.keep(new Set(Object.values(after)));
    const { kind, reason, message } = await refused(restarted.reveal(old));
    assert.equal([kind, reason], ['terminal', 'SecretUnavailable']);
    assert.match(message, /^reveal secret db\/A: /);
    assert.is((await refused(secretsIn(folder).reveal(old))).reason, 'SecretUnavailable');
    assert.is(await secretsIn(folder).reveal({ secret: 'db/A', version: after.A ?? '' }), 'value-new');
    assert.is((await readdir(join(folder, 'state', 'secrets'))).length, 1);
  }));

test('what git still holds is not forgotten, whoever uses it', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const secrets = secretsIn(folder);
    const text = await encrypt(plainSecret('db', { A: 'value-one' }), me.recipients);
    const { A: version = '' } = await versionsOf(secrets, text);
    await secrets.keep(new Set());
    assert.is(await secrets.reveal({ secret: 'db/A', version }), 'value-one');
  }));

test('what was forgotten while a look was under way is opened again by the next', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const secrets = secretsIn(folder);
    const texts = await Promise.all(
      ['a', 'b'].map((name) => encrypt(plainSecret(name, { A: `value-of-${name}` }), me.recipients)),
    );
    const [first = '', second = ''] = texts;
    const { A: version = '' } = await versionsOf(secrets, first);
    await secrets.keep(new Set());
    await versionsOf(secrets, second);
    await secrets.keep(new Set());
    await versionsOf(secrets, first);
    assert.is(await secrets.reveal({ secret: 'a/A', version }), 'value-of-a');
    assert.is(await secretsIn(folder).reveal({ secret: 'a/A', version }), 'value-of-a');

    const looks = Array.from({ length: 20 }, async (_, turn) => {
      await Promise.all([secrets.open([sealed(texts[turn % 2] ?? '')]), secrets.keep(new Set())]);
    });
    await Promise.all(looks);
    await versionsOf(secrets, first);
    assert.is(await secrets.reveal({ secret: 'a/A', version }), 'value-of-a');
  }));

test('sealed copies are ciphertexts that only we can read, and a look writes none', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const text = await encrypt(plainSecret('db', { A: 'value-one' }), me.recipients);
    const looking = secretsIn(folder, { writable: false });
    await versionsOf(looking, text);
    assert.is(await stat(join(folder, 'state')).catch(() => 'none'), 'none');
    const providers = { env: { prefix: 'P_' } };
    const secrets = secretsIn(folder, { providers, env: { P_X: 'value-two' } });
    await versionsOf(secrets, text);
    await versionsOf(secrets, plainSecret('env', { B: 'X' }).replace('\ndata', '\nprovider: env\ndata'));
    const kept = join(folder, 'state', 'secrets');
    assert.is((await stat(kept)).mode & 0o777, 0o700);
    const names = await readdir(kept);
    assert.is(names.length, 2);
    for (const name of names) {
      assert.is((await stat(join(kept, name))).mode & 0o777, 0o600);
      assert.not.match(await readFile(join(kept, name), 'utf8'), /value-/);
    }
    assert.is(await readFile(join(kept, names.find((name) => name.startsWith('sops-')) ?? ''), 'utf8'), text);
  }));

test('damaged copies are passed over and removed, and a disk that refuses is told', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const kept = join(folder, 'state', 'secrets');
    await mkdir(kept, { recursive: true, mode: 0o700 });
    await writeFile(join(kept, `sops-${'0'.repeat(32)}.yaml`), 'cut off');
    await writeFile(join(kept, 'value-0123456789abcdef.age'), 'damaged');
    await writeFile(join(kept, 'x.new'), '');
    const secrets = secretsIn(folder);
    const versions = await versionsOf(
      secrets,
      await encrypt(plainSecret('db', { A: 'value-one' }), me.recipients),
    );
    await secrets.keep(new Set(Object.values(versions)));
    assert.is((await readdir(kept)).length, 1);

    const blocked = join(folder, 'blocked');
    await mkdir(blocked);
    await writeFile(join(blocked, 'secrets'), 'a file is in the way');
    warnings.length = 0;
    const text = await encrypt(plainSecret('db', { A: 'value-two' }), me.recipients);
    assert.ok((await versionsOf(secretsIn(folder, { stateDir: blocked }), text)).A);
    assert.is(warnings.length, 1);
    assert.match(warnings[0] ?? '', /^keep sealed secrets: /);
  }));

test('without an identity every secret says so, and opens when it comes', () =>
  inFolder(async (folder) => {
    const text = await encrypt(plainSecret('db', { A: 'value-one' }), me.recipients);
    assert.is(await sealedReason(secretsIn(folder, { identity: undefined }), text), 'IdentityMissing');
    const secrets = secretsIn(folder);
    assert.is(await sealedReason(secrets, text), 'IdentityMissing');
    const error = await refused(secrets.reveal({ secret: 'db/A', version: '0'.repeat(16) }));
    assert.equal([error.kind, error.reason], ['transient', 'SecretUnavailable']);
    await writeIdentity(join(folder, 'age.key'), other);
    assert.is(await sealedReason(secrets, text), 'NoIdentity');
    await writeIdentity(join(folder, 'age.key'), other, me);
    assert.is(await sealedReason(secrets, text), 'open');
    // What is open stays open: the containers need their values while a person repairs the file.
    await rm(join(folder, 'age.key'));
    assert.is(await sealedReason(secrets, text), 'open');
  }));

test('an identity file that others could have read or replaced is refused', () =>
  inFolder(async (folder) => {
    const path = await writeIdentity(join(folder, 'age.key'), me);
    for (const mode of [0o644, 0o640, 0o660, 0o700, 0o4600]) {
      await chmod(path, mode);
      assert.throws(
        () => secretsIn(folder),
        (error: EdgeError) => error.reason === 'IdentityUnsafe' && error.message.includes(mode.toString(8)),
      );
    }
    await chmod(path, 0o400);
    secretsIn(folder);
    await symlink(path, join(folder, 'link'));
    assert.throws(() => secretsIn(folder, { identity: join(folder, 'link') }), /symbolic link/);
    assert.throws(() => secretsIn(folder, { identity: folder }), /no regular file/);
    const found = await inspectIdentity(join(folder, 'link'));
    assert.is(found.status, 'fail');
    assert.equal(await inspectIdentity(path), {
      status: 'ok',
      message: `${path}: recipient ${me.recipients[0]}`,
    });
  }));

test('an identity file that becomes unsafe opens nothing more', () =>
  inFolder(async (folder) => {
    const path = await writeIdentity(join(folder, 'age.key'), me);
    const secrets = secretsIn(folder);
    await chmod(path, 0o644);
    const text = await encrypt(plainSecret('db', { A: 'value-one' }), me.recipients);
    assert.is(await sealedReason(secrets, text), 'IdentityUnsafe');
  }));

if (process.getuid?.() === 0)
  test('an identity file of another user is refused', () =>
    inFolder(async (folder) => {
      const path = await writeIdentity(join(folder, 'age.key'), me);
      const { chown } = await import('node:fs/promises');
      await chown(path, 12_345, 0);
      assert.throws(() => secretsIn(folder), /another user \(uid 12345\)/);
    }));

test('an identity file that holds something else says where, and never what', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'age.key');
    const [key = ''] = me.keys;
    const cases: readonly (readonly [string, RegExp])[] = [
      ['# nothing\n\n', /no identity is in it/],
      [`# fine\n${key}\n${key.slice(0, -4)}AAAA\n`, /line 3 is no age identity/],
      [`AGE-PLUGIN-YUBIKEY-1QQQ\n`, /plugin/],
      ['-----BEGIN AGE ENCRYPTED FILE-----\n', /passphrase/],
      [`${'#'.repeat(70_000)}\n`, /too large/],
    ];
    for (const [content, told] of cases) {
      await writeFile(path, content, { mode: 0o600 });
      const { reason, message } = await refused(readIdentityFile(path));
      assert.is(reason, 'IdentityInvalid');
      assert.match(message, told);
      assert.not.ok(message.includes(key.slice(15, 30)));
    }
    assert.is((await refused(readIdentityFile(join(folder, 'none')))).reason, 'IdentityMissing');
  }));

test('during a rotation either identity opens, and what only the old one opened stays revealed', () =>
  inFolder(async (folder) => {
    const path = await writeIdentity(join(folder, 'age.key'), me);
    const env = { P_X: 'value-of-env' };
    const providers = { env: { prefix: 'P_' } };
    const foreign = plainSecret('env', { A: 'X' }).replace('\ndata', '\nprovider: env\ndata');
    const secrets = secretsIn(folder, { providers, env });
    const before = await versionsOf(secrets, foreign);
    await writeIdentity(path, me, other);
    assert.equal(await versionsOf(secrets, foreign), before, 'the first identity decides the versions');
    await versionsOf(secrets, await encrypt(plainSecret('db', { A: 'value-one' }), other.recipients));
    // The copies were sealed to both, so the old identity can go.
    await writeIdentity(path, other);
    const restarted = secretsIn(folder, { providers, env });
    assert.is(await restarted.reveal({ secret: 'env/A', version: before.A ?? '' }), 'value-of-env');
  }));

test('password hashes are bcrypt, and the same in every process', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const ready = '$2y$05$abcdefghijklmnopqrstuuS9vO5sX3bT1cZ0pV8uZ6Yk9qB3w2dGK';
    const text = await encrypt(
      plainSecret('db', { A: 'value-one', B: 'value-one', READY: ready }),
      me.recipients,
    );
    const hashes = await Promise.all(
      [secretsIn(folder), secretsIn(folder)].map(async (secrets) => {
        const opened = await openOne(secrets, text);
        if (opened.kind === 'sealed') throw new Error(opened.message);
        assert.throws(() => opened.passwordHash('NONE'), /no key "NONE"/);
        const hash = opened.passwordHash('A');
        assert.is(secrets.redact(`basic_auth ann ${hash}`), 'basic_auth ann ***');
        return [hash, opened.passwordHash('B'), opened.passwordHash('READY')];
      }),
    );
    const [[a = '', b = '', kept = ''] = [], again] = hashes;
    assert.equal([a, b, kept], again);
    assert.match(a, /^\$2b\$10\$/);
    assert.ok(compareSync('value-one', a) && compareSync('value-one', b));
    assert.is.not(a, b);
    assert.is(kept, ready);
  }));

test('a secret learned from elsewhere is hidden as well', () =>
  inFolder(async (folder) => {
    const secrets = secretsIn(folder, { identity: undefined });
    secrets.learn('t0ken-of-config');
    const error = new Error('t0ken-of-config');
    const circle: Record<string, unknown> = { at: new Date(0), error, 't0ken-of-config': 1 };
    circle.self = circle;
    const { error: kept, ...rest } = secrets.redactValue(circle);
    assert.is(kept, error);
    assert.equal(rest, { at: '1970-01-01T00:00:00.000Z', '***': 1, self: '…' });
    assert.is(secrets.redact('Bearer t0ken-of-config'), 'Bearer ***');
    const stream = secrets.redactStream();
    assert.is(`${stream.push('t0ken-of')}${stream.push('-config')}${stream.end()}`, '***');
  }));

test('a second name for the identity file is no link', () =>
  inFolder(async (folder) => {
    await link(await writeIdentity(join(folder, 'age.key'), me), join(folder, 'again'));
    assert.equal((await readIdentityFile(join(folder, 'again'))).recipients, me.recipients);
  }));

test.run();
