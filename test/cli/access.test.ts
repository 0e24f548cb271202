import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hashOfToken } from '../../src/api/new-token.ts';
import { aShop } from '../api/a-shop.ts';
import { atTerminal } from './a-terminal.ts';

test('a token is printed once, alone, and only its hash is kept', () => {
  const controller = aShop();
  return atTerminal(controller, async (terminal) => {
    const { code, out, err } = await terminal.run(
      ...['token', 'create', 'ci', '--scope', 'read, reconcile', '--expires', '90d', '--project', 'outer'],
    );
    assert.equal([code, err], [0, 'keep it: it is not shown again\n']);
    assert.match(out, /^plt_[\w-]{43}\n$/);
    const [kept] = controller.history.tokens.list();
    assert.equal(kept, {
      name: 'ci',
      hash: hashOfToken(out.trim()),
      scopes: ['read', 'reconcile'],
      project: 'outer',
      createdBy: 'ann',
      createdAt: controller.now(),
      expiresAt: controller.now() + 90 * 86_400_000,
    });
    const json = JSON.parse(
      (await terminal.run('token', 'create', 'b', '--scope', 'read', '-o', 'json')).out,
    );
    assert.equal(Object.keys(json), ['name', 'token']);
    const listed = await terminal.run('token', 'list');
    assert.match(
      listed.out,
      /^NAME +SCOPES +ONLY +EXPIRES +LAST USED +MADE BY +REVOKED\nb +read +- .*\nci +read,reconcile +project outer /,
    );
    assert.not.match(listed.out, json.token.slice(4));
  });
});

test('a name is given once, until its token is revoked', () =>
  atTerminal(aShop(), async (terminal) => {
    const create = () => terminal.run('token', 'create', 'ci', '--scope', 'read');
    await create();
    assert.equal(await create(), {
      code: 4,
      out: '',
      err: 'error: there is a token ci already\nhelp: plimsoll token revoke ci ends it\n',
    });
    assert.equal((await terminal.run('token', 'revoke', 'ci')).out, 'ci is revoked\n');
    assert.is((await terminal.run('token', 'revoke', 'ci')).code, 2);
    assert.is((await create()).code, 0);
  }));

test('with --hash nobody is asked, and the hash is what the configuration wants', () =>
  atTerminal(undefined, async (terminal) => {
    const { code, out } = await terminal.run(
      'token',
      'create',
      'board',
      '--scope',
      'read',
      '--hash',
      '-o',
      'json',
    );
    assert.is(code, 0);
    const { token, hash } = JSON.parse(out);
    assert.is(hash, `sha256:${hashOfToken(token)}`);
  }));

test('what cannot be a token is refused with the reason', () =>
  atTerminal(aShop(), async (terminal) => {
    const create = (...words: string[]) => terminal.run('token', 'create', ...words);
    assert.match((await create('ci', '--scope', 'all')).err, 'read, logs, reconcile, operate, exec, admin');
    assert.is((await create('ci', '--scope', 'all')).code, 2);
    assert.is((await create('Ci', '--scope', 'read')).code, 2);
    assert.is((await create('ci', '--scope', 'read', '--expires', 'soon')).code, 64);
    assert.is((await create('ci', '--scope', 'read', '--selector', 'a=b=c')).code, 64);
    assert.is((await create('ci')).code, 64);
  }));

test('the audit log says who wanted what', () =>
  atTerminal(aShop(), async (terminal) => {
    assert.equal((await terminal.run('audit')).out, 'nothing was asked\n');
    await terminal.run('suspend', 'shop', '--reason', 'a sale');
    await terminal.run('rollback', 'cart');
    const { out } = await terminal.run('audit');
    assert.match(
      out,
      /^TIME +ACTOR +FROM +VERB +OBJECT +OUTCOME +DETAIL\n.* ann +socket +rollback +cart +failed +NoEarlierRelease: cart has/,
    );
    assert.match(out, / ann +socket +suspend +shop +done +-\n$/);
    const { items } = JSON.parse((await terminal.run('audit', '--limit', '1', '-o', 'json')).out);
    assert.equal([items.length, items[0].verb], [1, 'rollback']);
  }));

test.run();
