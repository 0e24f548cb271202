import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { decryptSops } from 'sops-age';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { type CliContext, CliError } from '../../src/cli/context.ts';
import { messageOf } from '../../src/cli/program.ts';
import { registerSecret } from '../../src/cli/secret.ts';
import { loadConfig, packageRoot } from '../../src/config.ts';
import { inFolder, plainSecret } from './a-secret.ts';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

type Words = readonly string[];

interface Place {
  readonly folder: string;
  readonly at: (name: string) => string;
  /** `plimsoll secret …` in this folder. */
  readonly secret: (...words: Words) => Promise<Ended>;
  readonly withEnv: (env: Readonly<Record<string, string>>) => (...words: Words) => Promise<Ended>;
  /** The same as a program of its own. */
  readonly withInput: (input: string) => (...words: Words) => Promise<Ended>;
}

const program = join(packageRoot, 'src', 'plimsoll.js');

/** The command in this process: a program of its own takes a second to start. */
async function runHere(words: Words, env: Readonly<Record<string, string | undefined>>): Promise<Ended> {
  const written = { out: '', err: '' };
  const context = {
    out: (text: string) => {
      written.out += text;
    },
    err: (text: string) => {
      written.err += text;
    },
    isTty: false,
    env,
    config: ({ config }: { readonly config?: string }) => {
      const { identity } = loadConfig({ file: config, env: {} }).secrets;
      return identity === undefined ? {} : { identity };
    },
  } as unknown as CliContext;
  let code = 0;
  const command = new Command('plimsoll')
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: context.err });
  registerSecret(command, context, (action) => async (...args) => {
    code = await action(...args);
  });
  try {
    await command.parseAsync(['node', 'plimsoll', 'secret', ...words]);
  } catch (error) {
    if (error instanceof CommanderError) code = error.exitCode === 0 ? 0 : 64;
    else if (error instanceof CliError) {
      written.err += messageOf(error);
      code = error.exitCode;
    } else throw error;
  }
  return { code, ...written };
}

function run(file: string, args: Words, cwd: string, input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, HOME: cwd };
    const child = execFile(file, args, { cwd, env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 255) : 0, out, err }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

async function inPlace(work: (place: Place) => Promise<void>): Promise<void> {
  const before = process.cwd();
  await inFolder(async (folder) => {
    process.chdir(folder);
    const withEnv =
      (env: Readonly<Record<string, string>>) =>
      (...words: Words) =>
        runHere(words, { PATH: process.env.PATH, HOME: folder, ...env });
    try {
      await work({
        folder,
        at: (name) => join(folder, name),
        secret: withEnv({}),
        withEnv,
        withInput:
          (input) =>
          (...words) =>
            run(process.execPath, [program, 'secret', ...words], folder, input),
      });
    } finally {
      process.chdir(before);
    }
  });
}

async function done(running: Promise<Ended>): Promise<string> {
  const { code, out, err } = await running;
  assert.is(code, 0, err);
  return out;
}

async function ends(running: Promise<Ended>, code: number, told: RegExp): Promise<void> {
  const ended = await running;
  assert.is(ended.code, code, `${ended.out}${ended.err}`);
  assert.match(ended.err, told);
  assert.not.match(ended.err, /hunter2/);
}

/** An identity `me.key`, and a secret for it in `app.yaml`. */
async function withSecret(work: (place: Place, recipient: string) => Promise<void>): Promise<void> {
  await inPlace(async (place) => {
    const recipient = (await done(place.secret('keygen', '--out', 'me.key'))).trim();
    await writeFile(
      place.at('app.yaml'),
      `# ours\n${plainSecret('db', { PASSWORD: 'hunter2', USER: 'ann' })}`,
    );
    await done(place.secret('encrypt', '--in-place', '-i', 'me.key', 'app.yaml'));
    await work(place, recipient);
  });
}

/** The armored file in `sops.age[].enc`. */
async function encOf(place: Place, recipient: string): Promise<string> {
  const { sops } = parse(await readFile(place.at('app.yaml'), 'utf8')) as {
    sops: { age: { recipient: string; enc: string }[] };
  };
  return sops.age.find((entry) => entry.recipient === recipient)?.enc ?? '';
}

async function dataOf(place: Place, file = 'app.yaml'): Promise<Record<string, string>> {
  return (parse(await readFile(place.at(file), 'utf8')) as { data: Record<string, string> }).data;
}

async function editor(place: Place, script: string): Promise<string> {
  const path = place.at('an editor');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o700);
  return `"${path}" --flag`;
}

test('keygen writes an identity that nobody else may read, and never over another', () =>
  inPlace(async (place) => {
    const recipient = (await done(place.secret('keygen', '--out', 'me.key'))).trim();
    assert.match(recipient, /^age1[a-z0-9]{58}$/);
    assert.is((await stat(place.at('me.key'))).mode & 0o777, 0o600);
    const before = await readFile(place.at('me.key'), 'utf8');
    await ends(
      place.secret('keygen', '--out', 'me.key'),
      4,
      /it exists\nhelp: an identity is never overwritten/,
    );
    assert.is(await readFile(place.at('me.key'), 'utf8'), before);
    const { out, err } = await place.secret('keygen');
    assert.match(out, /^# created: .*\n# public key: (age1\w+)\nAGE-SECRET-KEY-1[A-Z0-9]+\n$/);
    assert.match(err, /^recipient: age1/);
  }));

test('age reads our identities and opens our data keys, and we open with what age-keygen made', () =>
  withSecret(async (place, recipient) => {
    const shown = await run('age-keygen', ['-y', 'me.key'], place.folder);
    assert.is(shown.out.trim(), recipient);
    await writeFile(place.at('enc'), await encOf(place, recipient));
    await done(run('age', ['-d', '-i', 'me.key', '-o', 'data-key', 'enc'], place.folder));
    assert.is((await stat(place.at('data-key'))).size, 32);

    await done(run('age-keygen', ['-o', 'age.key'], place.folder));
    const theirs = (await run('age-keygen', ['-y', 'age.key'], place.folder)).out.trim();
    await done(place.secret('rotate', 'app.yaml', '--add', theirs, '-i', 'me.key'));
    assert.is(
      await done(place.secret('decrypt', 'app.yaml', '-i', 'age.key', '--key', 'PASSWORD')),
      'hunter2',
    );

    // A data key that age itself encrypted.
    const armored = await run('age', ['-a', '-r', theirs, 'data-key'], place.folder);
    const file = parse(await readFile(place.at('app.yaml'), 'utf8')) as Record<
      string,
      Record<string, unknown>
    >;
    const text = JSON.stringify({
      ...file,
      sops: { ...file.sops, age: [{ recipient: theirs, enc: armored.out }] },
    });
    assert.is(await done(place.withInput(text)('decrypt', '-i', 'age.key', '-k', 'USER')), 'ann');
  }));

test('an independent reader of SOPS files decrypts what was encrypted, edited and rotated', () =>
  withSecret(async (place) => {
    const secretKey = /^AGE-SECRET-KEY-1\w+$/m.exec(await readFile(place.at('me.key'), 'utf8'))?.[0] ?? '';
    const read = async () =>
      ((await decryptSops({ path: place.at('app.yaml'), secretKey })) as { data: unknown }).data;
    assert.equal(await read(), { PASSWORD: 'hunter2', USER: 'ann' });
    const EDITOR = await editor(place, 'sed -i "s/hunter2/hunter3/" "$2"');
    await done(place.withEnv({ EDITOR })('edit', 'app.yaml', '-i', 'me.key'));
    assert.equal(await read(), { PASSWORD: 'hunter3', USER: 'ann' });
    await done(place.secret('rotate', '--data-key', 'app.yaml', '-i', 'me.key'));
    assert.equal(await read(), { PASSWORD: 'hunter3', USER: 'ann' });
  }));

test('encrypt reads standard input and writes standard output', () =>
  inPlace(async (place) => {
    const recipient = (await done(place.secret('keygen', '--out', 'me.key'))).trim();
    const plain = plainSecret('db', { PASSWORD: 'hunter2' });
    for (const words of [
      ['encrypt', '-r', recipient],
      ['encrypt', '-', '--recipient', recipient],
    ]) {
      const text = await done(place.withInput(plain)(...words));
      assert.not.match(text, /hunter2/);
      assert.is(
        await done(place.withInput(text)('decrypt', '-', '-i', 'me.key', '-k', 'PASSWORD')),
        'hunter2',
      );
    }
    await ends(place.withInput(plain)('encrypt', '--in-place', '-r', recipient), 64, /--in-place needs/);
    await writeFile(place.at('recipients'), `# all of us\n${recipient}\n\n`);
    assert.match(await done(place.withInput(plain)('encrypt', '-R', 'recipients')), new RegExp(recipient));
  }));

test('without recipients .sops.yaml names them, else the identity does', () =>
  inPlace(async (place) => {
    const keys = ['one', 'two', 'me'];
    const [one = '', two = '', me = ''] = await Promise.all(
      keys.map(async (name) => (await done(place.secret('keygen', '--out', `${name}.key`))).trim()),
    );
    await mkdir(place.at('repo/secrets/db'), { recursive: true });
    await mkdir(place.at('elsewhere'));
    await writeFile(
      place.at('repo/.sops.yaml'),
      `creation_rules:
  - path_regex: ^other/
    age: ${me}
  - path_regex: ^secrets/.*\\.yaml$
    encrypted_regex: ^(data|stringData)$
    kms: arn:aws:kms:x
    age: >-
      ${one},
      ${two}
`,
    );
    const plain = plainSecret('db', { PASSWORD: 'hunter2' });
    for (const file of ['repo/secrets/db/app.yaml', 'repo/app.yaml', 'elsewhere/app.yaml'])
      await writeFile(place.at(file), plain);
    const { err } = await place.secret('encrypt', '--in-place', 'repo/secrets/db/app.yaml');
    assert.match(err, /only its age recipients .* not those of kms/);
    const text = await readFile(place.at('repo/secrets/db/app.yaml'), 'utf8');
    const { sops } = parse(text) as { sops: { age: { recipient: string }[]; encrypted_regex: string } };
    assert.equal(
      sops.age.map(({ recipient }) => recipient),
      [one, two],
    );
    assert.is(sops.encrypted_regex, '^(data|stringData)$');
    await ends(place.secret('encrypt', 'repo/app.yaml'), 2, /none of its creation_rules is for app\.yaml/);
    await ends(place.secret('encrypt', 'elsewhere/app.yaml'), 64, /nobody is named/);
    const SOPS_AGE_KEY = await readFile(place.at('me.key'), 'utf8');
    assert.match(
      await done(place.withEnv({ SOPS_AGE_KEY })('encrypt', 'elsewhere/app.yaml')),
      new RegExp(me),
    );
  }));

test('what is encrypted stays as it is, and what was added in plain joins it', () =>
  withSecret(async (place) => {
    const before = await readFile(place.at('app.yaml'), 'utf8');
    const again = await place.secret('encrypt', '--in-place', '-i', 'me.key', 'app.yaml');
    assert.match(again.err, /encrypted already/);
    assert.is(await readFile(place.at('app.yaml'), 'utf8'), before);
    const data = await dataOf(place);
    await writeFile(
      place.at('app.yaml'),
      before.replace('\ndata:\n', '\ndata:\n  NEW: fresh-value # note\n'),
    );
    await ends(
      place.secret('decrypt', 'app.yaml', '-i', 'me.key'),
      2,
      /data\.NEW is not encrypted\nhelp: .*git/,
    );
    await done(place.secret('encrypt', '--in-place', '-i', 'me.key', 'app.yaml'));
    const { NEW = '', ...rest } = await dataOf(place);
    assert.equal(rest, data);
    assert.match(NEW, /^ENC\[/);
    assert.not.match(await readFile(place.at('app.yaml'), 'utf8'), /note|fresh/);
    assert.is(
      await done(place.secret('decrypt', 'app.yaml', '-i', 'me.key')),
      '# ours\napiVersion: plimsoll/v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  NEW: fresh-value # note\n  PASSWORD: hunter2\n  USER: ann\n',
    );
    await ends(place.secret('encrypt', '-r', 'age1x', 'app.yaml'), 64, /recipients already/);
    const stolen = (await dataOf(place)).PASSWORD ?? '';
    await writeFile(place.at('app.yaml'), before.replace(/USER: .*/, `USER: ${stolen}`));
    await ends(
      place.secret('encrypt', '-i', 'me.key', 'app.yaml'),
      2,
      /data\.USER holds the value of data\.PASSWORD/,
    );
  }));

test('decrypt prints a document, a value or JSON, and says which keys there are', () =>
  withSecret(async (place) => {
    const decrypt = (...words: readonly string[]) =>
      place.secret('decrypt', 'app.yaml', '-i', 'me.key', ...words);
    assert.equal(JSON.parse(await done(decrypt('-o', 'json'))), {
      apiVersion: 'plimsoll/v1',
      kind: 'Secret',
      metadata: { name: 'db' },
      data: { PASSWORD: 'hunter2', USER: 'ann' },
    });
    assert.is(await done(decrypt('--key', 'USER', '-o', 'json')), '"ann"\n');
    await ends(decrypt('--key', 'PASWORD'), 2, /no key "PASWORD"\nhelp: did you mean "PASSWORD"/);
    await ends(decrypt('--key', '__proto__'), 2, /its keys are PASSWORD, USER/);
    await ends(decrypt('-o', 'table'), 64, /choices/);
    await ends(place.secret('decrypt', 'none.yaml'), 2, /there is no such file/);
  }));

test('a file that was tampered with is neither decrypted nor edited nor rotated', () =>
  withSecret(async (place, recipient) => {
    const text = (await readFile(place.at('app.yaml'), 'utf8')).replace('name: db', 'name: bd');
    await writeFile(place.at('app.yaml'), text);
    for (const words of [['decrypt'], ['edit'], ['rotate', '--add', recipient], ['rotate', '--data-key']])
      await ends(place.secret(...words, '-i', 'me.key', 'app.yaml'), 2, /MAC mismatch/);
    assert.is(await readFile(place.at('app.yaml'), 'utf8'), text);
  }));

test('the identity comes from the option, the configuration or the variables of SOPS', () =>
  withSecret(async (place) => {
    const words = ['decrypt', 'app.yaml', '-k', 'USER'];
    await ends(place.secret(...words), 3, /encrypted for age1\w+; there is no identity here/);
    const SOPS_AGE_KEY = await readFile(place.at('me.key'), 'utf8');
    assert.is(await done(place.withEnv({ SOPS_AGE_KEY })(...words)), 'ann');
    assert.is(await done(place.withEnv({ SOPS_AGE_KEY_FILE: place.at('me.key') })(...words)), 'ann');
    await writeFile(place.at('mine.yaml'), 'secrets: {identity: me.key}\n');
    assert.is(await done(place.secret(...words, '--config', 'mine.yaml')), 'ann');
    await writeFile(place.at('plimsoll.yaml'), 'secrets: {identity: not-on-this-machine.key}\n');
    assert.is(await done(place.withEnv({ SOPS_AGE_KEY })(...words)), 'ann');
    await mkdir(place.at('.config/sops/age'), { recursive: true });
    await writeFile(place.at('.config/sops/age/keys.txt'), SOPS_AGE_KEY, { mode: 0o600 });
    assert.is(await done(place.secret(...words)), 'ann');
    await ends(place.secret(...words, '-i', 'none.key'), 3, /no such file\nhelp: make one/);
    await chmod(place.at('me.key'), 0o644);
    await ends(place.secret(...words, '-i', 'me.key'), 4, /mode is 0644.*\nhelp: .*chmod 600/);
    await writeFile(place.at('bad.key'), `${SOPS_AGE_KEY}rubbish\n`, { mode: 0o600 });
    await ends(place.secret(...words, '-i', 'bad.key'), 2, /line 4 is no age identity/);
    await done(place.secret('keygen', '--out', 'other.key'));
    await ends(place.secret(...words, '-i', 'other.key'), 3, /encrypted for age1\w+; here is age1\w+/);
  }));

test('edit changes the ciphertext of what changed alone, and shows plain text in memory only', () =>
  withSecret(async (place) => {
    const before = await dataOf(place);
    const EDITOR = await editor(
      place,
      `stat -f -c %T "$2" > seen; stat -c %a "$2" "$(dirname "$2")" >> seen; cat "$2" >> seen; dirname "$2" > where
cp "$2" "$2~"; echo "$1" >> seen; env | grep -c SOPS_AGE_KEY= >> seen; sed -i "s/hunter2/hunter3/" "$2"`,
    );
    const SOPS_AGE_KEY = await readFile(place.at('me.key'), 'utf8');
    await done(place.withEnv({ EDITOR, SOPS_AGE_KEY })('edit', 'app.yaml'));
    const after = await dataOf(place);
    assert.is.not(after.PASSWORD, before.PASSWORD);
    assert.is(after.USER, before.USER);
    assert.is(await done(place.secret('decrypt', 'app.yaml', '-i', 'me.key', '-k', 'PASSWORD')), 'hunter3');
    const seen = (await readFile(place.at('seen'), 'utf8')).split('\n');
    assert.equal(seen.slice(0, 3), ['tmpfs', '600', '700']);
    assert.equal(seen.slice(-3), ['--flag', '0', '']);
    assert.ok(seen.includes('  PASSWORD: hunter2') && !seen.includes('sops:'));
    const where = (await readFile(place.at('where'), 'utf8')).trim();
    assert.is(await stat(where).catch(() => 'gone'), 'gone');
  }));

test('edit writes nothing when nothing changed, when it is wrong, or when the editor fails', () =>
  withSecret(async (place) => {
    const before = await readFile(place.at('app.yaml'), 'utf8');
    const edit = async (script: string) => {
      const VISUAL = await editor(place, script);
      return place.withEnv({ VISUAL, EDITOR: 'not-this-one' })('edit', 'app.yaml', '-i', 'me.key');
    };
    assert.match((await edit('true')).err, /unchanged/);
    await ends(edit('echo "  BAD: [hunter2" >> "$2"'), 2, /the YAML is invalid; nothing was written/);
    await ends(edit('echo "  EMPTY:" >> "$2"'), 2, /data\.EMPTY has no value; nothing was written/);
    await ends(edit('sed -i s/kind:.*/kind:\\ App/ "$2"'), 2, /kind Secret; nothing was written/);
    await ends(edit('sed -i s/hunter2/x/ "$2"; exit 3'), 1, /ended with 3; nothing was written/);
    await ends(
      place.withEnv({ EDITOR: 'no-such-editor' })('edit', 'app.yaml', '-i', 'me.key'),
      2,
      /not installed/,
    );
    await ends(place.withEnv({ EDITOR: '"unclosed' })('edit', 'app.yaml', '-i', 'me.key'), 64, /no command/);
    assert.is(await readFile(place.at('app.yaml'), 'utf8'), before);
    // Nothing of a shell is understood.
    await ends(
      place.withEnv({ EDITOR: 'true; touch hacked' })('edit', 'app.yaml', '-i', 'me.key'),
      2,
      /editor true;/,
    );
    await ends(
      edit('sed -i s/hunter2/x/ "$2"; echo "# meanwhile" >> app.yaml'),
      4,
      /changed meanwhile; nothing was written/,
    );
    assert.is(await readFile(place.at('app.yaml'), 'utf8'), `${before}# meanwhile\n`);
    assert.not.ok((await readdir(place.folder)).includes('hacked'));
  }));

test('edit that is ended leaves no plain text behind', () =>
  withSecret(async (place) => {
    const EDITOR = await editor(place, 'dirname "$2" > where.new; mv where.new where; exec sleep 60');
    const child = spawn(process.execPath, [program, 'secret', 'edit', 'app.yaml', '-i', 'me.key'], {
      cwd: place.folder,
      env: { PATH: process.env.PATH, HOME: place.folder, EDITOR },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      let where = '';
      for (const deadline = Date.now() + 20_000; where === '' && Date.now() < deadline; )
        where = await readFile(place.at('where'), 'utf8').then(
          (text) => text.trim(),
          () => new Promise<string>((resolve) => setTimeout(() => resolve(''), 50)),
        );
      assert.ok((await readdir(where)).includes('app.yaml'));
      child.kill('SIGTERM');
      assert.is(await ended, 1);
      assert.is(await stat(where).catch(() => 'gone'), 'gone');
    } finally {
      child.kill('SIGKILL');
    }
  }));

test('edit begins a file that is not there, when it is known whom it is for', () =>
  withSecret(async (place, recipient) => {
    const EDITOR = await editor(place, 'sed -i s/EXAMPLE:.*/TOKEN:\\ abc/ "$2"');
    await ends(place.withEnv({ EDITOR })('edit', 'secrets/mail/app.yaml'), 64, /nobody is named/);
    await done(place.withEnv({ EDITOR })('edit', 'secrets/mail/app.yaml', '-i', 'me.key'));
    const text = await readFile(place.at('secrets/mail/app.yaml'), 'utf8');
    assert.match(text, /name: mail/);
    assert.match(text, new RegExp(recipient));
    assert.is(
      await done(place.secret('decrypt', 'secrets/mail/app.yaml', '-i', 'me.key', '-k', 'TOKEN')),
      'abc',
    );
    await writeFile(place.at('plain.yaml'), plainSecret('db', { A: 'hunter2' }));
    await ends(
      place.withEnv({ EDITOR })('edit', 'plain.yaml', '-i', 'me.key'),
      2,
      /not encrypted\nhelp: plimsoll secret encrypt/,
    );
  }));

test('a link to a secret stays a link, and the mode of the file is kept', () =>
  withSecret(async (place) => {
    await chmod(place.at('app.yaml'), 0o640);
    await symlink('app.yaml', place.at('link.yaml'));
    await done(place.secret('rotate', '--data-key', 'link.yaml', '-i', 'me.key'));
    assert.is((await stat(place.at('app.yaml'))).mode & 0o777, 0o640);
    assert.is(await readFile(place.at('link.yaml'), 'utf8'), await readFile(place.at('app.yaml'), 'utf8'));
    assert.is((await readdir(place.folder)).filter((name) => name.includes('.new')).length, 0);
  }));

test('rotate changes recipients and leaves every ciphertext, so that no app restarts', () =>
  withSecret(async (place, recipient) => {
    const before = await dataOf(place);
    const other = (await done(place.secret('keygen', '--out', 'other.key'))).trim();
    assert.is(
      await done(place.secret('rotate', 'app.yaml', '--add', other, '-i', 'me.key')),
      'app.yaml: rotated\n',
    );
    assert.equal(await dataOf(place), before);
    for (const key of ['me.key', 'other.key'])
      assert.is(await done(place.secret('decrypt', 'app.yaml', '-i', key, '-k', 'USER')), 'ann');
    assert.is(
      await done(place.secret('rotate', 'app.yaml', '--add', other, '-i', 'me.key')),
      'app.yaml: unchanged\n',
    );
    const removed = await place.secret('rotate', 'app.yaml', '--remove', recipient, '-i', 'me.key');
    assert.match(removed.err, /still knows the data key/);
    assert.equal(await dataOf(place), before);
    await ends(place.secret('decrypt', 'app.yaml', '-i', 'me.key'), 3, /encrypted for/);
    assert.is(await done(place.secret('decrypt', 'app.yaml', '-i', 'other.key', '-k', 'USER')), 'ann');
  }));

test('rotate with --data-key makes every ciphertext anew', () =>
  withSecret(async (place) => {
    const before = await dataOf(place);
    await done(place.secret('rotate', 'app.yaml', '--data-key', '-i', 'me.key'));
    const after = await dataOf(place);
    assert.equal(Object.keys(after), Object.keys(before));
    for (const [key, value] of Object.entries(after)) assert.is.not(value, before[key]);
    assert.is(await done(place.secret('decrypt', 'app.yaml', '-i', 'me.key', '-k', 'PASSWORD')), 'hunter2');
  }));

test('rotate refuses what cannot be meant, and then leaves all files as they were', () =>
  withSecret(async (place, recipient) => {
    const before = await readFile(place.at('app.yaml'), 'utf8');
    const stranger = (await done(place.secret('keygen', '--out', 'stranger.key'))).trim();
    await writeFile(place.at('plain.yaml'), plainSecret('db', { A: 'hunter2' }));
    const rotate = (...words: readonly string[]) => place.secret('rotate', '-i', 'me.key', ...words);
    await ends(rotate('app.yaml'), 64, /nothing to do\nhelp: say --add/);
    await ends(rotate('app.yaml', '--remove', recipient), 2, /nobody could open it then/);
    await ends(rotate('app.yaml', '--remove', stranger), 2, /is none of its recipients/);
    await ends(rotate('app.yaml', '--add', 'age1nonsense'), 2, /"age1nonsense" is no age recipient/);
    await ends(rotate('app.yaml', 'plain.yaml', '--add', stranger), 2, /plain\.yaml: .*not encrypted/);
    await ends(rotate('app.yaml', 'none.yaml', '--add', stranger), 2, /no such file/);
    assert.is(await readFile(place.at('app.yaml'), 'utf8'), before);
  }));

test('every command has help with an example', () =>
  inPlace(async (place) => {
    for (const name of ['keygen', 'encrypt', 'decrypt', 'edit', 'rotate'])
      assert.match(
        await done(place.secret(name, '--help')),
        new RegExp(`Examples?:\\n.*plimsoll secret ${name}`),
      );
    assert.is((await place.secret('decrypt', '--nonsense')).code, 64);
  }));

test.run();
