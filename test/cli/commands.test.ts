import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AController } from '../api/a-controller.ts';
import { aDomain, anApp, aWorld } from '../plan/worlds.ts';
import { atTerminal } from './a-terminal.ts';
import { isGolden } from './golden-text.ts';

const first = 'a'.repeat(40);
const second = 'b'.repeat(40);

/** `shop` well at its second release; `cart` rolled back; `api` suspended. */
function aHost(): AController {
  const controller = new AController(aWorld([]), (image) =>
    image === 'cart:2' ? 'never healthy' : 'healthy',
  );
  const shop = { domains: [aDomain('shop.example.com')], replicas: 2, labels: { team: 'web' } };
  const rest = [anApp({ name: 'api', image: 'api:1', labels: { team: 'core' }, project: 'inner' })];
  controller.release(first, [
    anApp({ ...shop, image: 'shop:1' }),
    anApp({ name: 'cart', image: 'cart:1', labels: { team: 'web' } }),
    ...rest,
  ]);
  controller.release(second, [
    anApp({ ...shop, image: 'shop:2' }),
    anApp({ name: 'cart', image: 'cart:2', labels: { team: 'web' } }),
    ...rest,
  ]);
  controller.history.suspend('api', { actor: 'ann', reason: 'moving the 数据库' });
  controller.followed = [
    {
      name: 'default',
      address: 'https://git.example.com/acme/config.git',
      path: '.',
      follows: 'branch main',
      revision: second,
      seen: 'c'.repeat(40),
      readAt: controller.now(),
      verification: {
        mode: 'head',
        keys: 2,
        by: 'ann@example.com',
        refused: { revision: 'c'.repeat(40), why: 'it is not signed' },
      },
      omitted: [],
    },
    {
      name: 'team',
      address: '/srv/team',
      path: 'apps',
      follows: 'semver ^1.2',
      tag: 'v1.3.0',
      error: { reason: 'SourceUnreachable', message: 'read source /srv/team: gone', since: controller.now() },
      omitted: [],
    },
  ];
  aPush(controller);
  controller.look();
  return controller;
}

/** A push that was seen, one that concerned nobody, and a stranger. */
function aPush({ history }: AController): void {
  const push = {
    provider: 'github',
    event: 'push',
    repository: 'git.example.com/acme/config',
    ref: 'refs/heads/main',
    commit: second,
    address: '192.0.2.7',
    receivedAt: 1_700_000_000_000,
  };
  const { id } = history.deliveries.add({ ...push, delivery: 'd-1', outcome: 'accepted', reason: '' });
  history.deliveries.resolved(id, { look: 7, revision: second });
  history.deliveries.add({
    ...push,
    delivery: 'd-2',
    event: 'issues',
    outcome: 'ignored',
    reason: 'the event does not concern a source',
  });
  history.deliveries.refuse({
    provider: 'gitlab',
    address: '198.51.100.1',
    at: push.receivedAt,
    reason: 'wrong signature',
  });
}

const tables: readonly (readonly [string, ...string[]])[] = [
  ['status', 'status'],
  ['status-of-an-app', 'status', 'shop'],
  ['status-of-a-rolled-back-app', 'status', 'cart'],
  ['history', 'history', 'cart'],
  ['events', 'events'],
  ['get-apps', 'get', 'apps'],
  ['get-apps-selected', 'get', 'apps', '-l', 'team=web'],
  ['get-apps-of-a-project', 'get', 'apps', '-p', 'inner'],
  ['get-containers', 'get', 'containers'],
  ['get-networks', 'get', 'networks'],
  ['get-volumes', 'get', 'volumes'],
  ['get-images', 'get', 'images'],
  ['get-routes', 'get', 'routes'],
  ['get-hosts', 'get', 'hosts'],
  ['get-sources', 'get', 'sources'],
  ['get-deliveries', 'get', 'deliveries'],
  ['top', 'top'],
  ['top-of-an-app', 'top', 'cart'],
  ['status-selected', 'status', '-l', 'team=core'],
  ['events-selected', 'events', '-p', 'inner'],
];
for (const [name, ...words] of tables)
  test(`plimsoll ${words.join(' ')} prints its table`, () =>
    atTerminal(aHost(), async (terminal) => {
      const { code, out, err } = await terminal.run(...words);
      assert.equal([code, err], [0, '']);
      isGolden(name, out);
    }));

test('JSON is what the API says, YAML the same', () =>
  atTerminal(aHost(), async (terminal) => {
    const { out } = await terminal.run('get', 'apps', '-o', 'json');
    const { items, next } = JSON.parse(out);
    assert.is(next, null);
    assert.equal(
      items.map(({ name, health }: Record<string, string>) => [name, health]),
      [
        ['api', 'Healthy'],
        ['cart', 'Healthy'],
        ['shop', 'Healthy'],
      ],
    );
    assert.match((await terminal.run('get', 'apps', '-o', 'yaml')).out, /^items:\n {2}- name: api\n/);
  }));

test('an unknown app is invalid input, with what was probably meant', () =>
  atTerminal(aHost(), async (terminal) => {
    assert.equal(await terminal.run('status', 'shpo'), {
      code: 2,
      out: '',
      err: 'error: no app "shpo" in git or on this host\nhelp: did you mean shop?\n',
    });
  }));

test('what the contract names and this version does not have is said to be so', () =>
  atTerminal(aHost(), async (terminal) => {
    assert.equal(await terminal.run('get', 'route', '-o', 'json'), {
      code: 64,
      out: '',
      err: 'error: no list of "route"\nhelp: did you mean routes?\n',
    });
    const bare = await terminal.run('get');
    assert.is(bare.code, 64);
    assert.match(bare.err, /Usage: plimsoll get <kind> \[options\][\s\S]*deliveries/);
    for (const name of ['jobs', 'databases', 'previews']) {
      const { code, err } = await terminal.run('get', name, '-o', 'json');
      assert.equal([code, err.split('\n')[0]], [2, `error: there are no ${name} in this version`]);
    }
  }));

test('deliveries are chosen by forge and outcome, and all pages are one list', () => {
  const controller = aHost();
  for (let index = 0; index < 250; index += 1)
    controller.history.deliveries.add({
      provider: 'gitea',
      delivery: `n-${index}`,
      event: 'push',
      repository: '',
      ref: '',
      commit: '',
      address: '',
      receivedAt: 1,
      outcome: 'ignored',
      reason: 'pong',
    });
  return atTerminal(controller, async (terminal) => {
    const list = async (...words: readonly string[]) =>
      JSON.parse((await terminal.run('get', 'deliveries', '-o', 'json', ...words)).out).items;
    assert.is((await list()).length, 253);
    assert.is((await list('--provider', 'gitea')).length, 250);
    assert.equal(
      (await list('--outcome', 'accepted')).map(({ delivery }: { delivery: string }) => delivery),
      ['d-1'],
    );
    assert.is((await terminal.run('get', 'deliveries', '--outcome', 'fun')).code, 2);
  });
});

test('without a controller every question ends with 3 and how to start one', () =>
  atTerminal(undefined, async (terminal) => {
    for (const words of [['status'], ['get', 'apps'], ['reconcile'], ['logs', 'shop'], ['events', '-w']]) {
      const { code, err } = await terminal.run(...words);
      assert.is(code, 3, words.join(' '));
      assert.match(
        err,
        `error: no controller answers on ${terminal.stateDir}/plimsoll.sock\nhelp: start one`,
      );
    }
  }));

test('a wrong option or value is a usage error', () =>
  atTerminal(aHost(), async (terminal) => {
    for (const words of [
      ['status', '-o', 'xml'],
      ['suspend', 'shop'],
      ['wait', 'shop', '--for', 'fun'],
      ['wait', 'shop', '--for', 'healthy', '--timeout', 'soon'],
      ['get', 'apps', '-l', 'team=web=x'],
      ['get', 'sources', '-l', 'team=web'],
      ['status', 'shop', '-l', 'team=web'],
      ['top', 'shop', '-p', 'inner'],
      ['top', '-l', 'team=web=x'],
      ['approve'],
      ['status', '--server', 'ftp://host'],
      ['completion', 'tcsh'],
    ])
      assert.is((await terminal.run(...words)).code, 64, words.join(' '));
  }));

test('options may stand before the name of the command', () =>
  atTerminal(aHost(), async (terminal) => {
    const asked = await terminal.run('get', 'apps', '-l', 'team=web', '-o', 'json');
    assert.match(asked.out, '"name": "shop"');
    for (const words of [
      ['get', '-l', 'team=web', '-o', 'json', 'apps'],
      ['-o', 'json', '-l', 'team=web', 'get', 'apps'],
      ['--output=json', 'get', '-lteam=web', 'apps'],
      ['-ojson', '--config', '/etc/plimsoll/plimsoll.yaml', 'get', 'apps', '-l', 'team=web'],
    ])
      assert.equal(await terminal.run(...words), asked, words.join(' '));
    for (const words of [
      ['--no-such', 'status'],
      ['-o', 'json'],
      ['-o', 'json', 'no-such'],
    ])
      assert.is((await terminal.run(...words)).code, 64, words.join(' '));
    const { code, err } = await terminal.run('get', '-o', 'json');
    assert.equal([code, /Usage: plimsoll get <kind>/.test(err)], [64, true]);
    // An option's value that reads like a command is its value.
    assert.is((await terminal.run('suspend', '--reason', 'resume', 'shop')).code, 0);
    assert.is((await terminal.run('--reason', 'resume', 'suspend', 'api')).code, 0);
  }));

test('reconcile is done when the host has converged, and negative with the reason when an app will not', () =>
  atTerminal(aHost(), async (terminal) => {
    const good = await terminal.run('reconcile', 'shop');
    assert.is(good.code, 0);
    assert.match(good.out, /shop +Synced +Healthy/);
    const bad = await terminal.run('reconcile', 'cart');
    assert.is(bad.code, 1);
    assert.match(bad.err, /cart: RolledBack, Quarantined:/);
    assert.is((await terminal.run('reconcile', '--no-wait')).code, 0);
  }));

test('reconcile --retry lifts a quarantine', () => {
  const controller = aHost();
  return atTerminal(controller, async (terminal) => {
    await terminal.run('reconcile', 'cart', '--retry', '--no-wait');
    assert.is(controller.history.memory().apps.cart?.quarantine, undefined);
  });
});

test('wait is done at once when it is so, and negative when the time is over', () =>
  atTerminal(aHost(), async (terminal) => {
    assert.equal(await terminal.run('wait', 'shop', '--for', 'healthy'), {
      code: 0,
      out: 'shop is healthy\n',
      err: '',
    });
    assert.is((await terminal.run('wait', 'gone', '--for', 'deleted')).code, 0);
    const late = await terminal.run('wait', 'cart', '--for', 'synced', '--timeout', '10ms');
    assert.is(late.code, 1);
    assert.match(late.err, 'error: cart is not synced after 10ms: Quarantined');
    assert.is((await terminal.run('wait', 'shpo', '--for', 'healthy')).code, 2);
  }));

test('suspend, resume, rollback and approve say what they did, and who asked is kept', () => {
  const controller = aHost();
  return atTerminal(controller, async (terminal) => {
    const suspended = await terminal.run('suspend', 'shop', '--reason', 'a sale', '--for', '2h');
    assert.match(suspended.out, /^shop is suspended until \d{4}-/);
    assert.is(controller.history.memory().apps.shop?.suspended?.actor, 'ann');
    const rolledBack = await terminal.run('rollback', 'shop');
    assert.match(rolledBack.out, `shop goes back to the release of aaaaaaaaaaaa; held until`);
    assert.match(rolledBack.out, `git revert ${second}`);
    assert.equal(
      (await terminal.run('resume', 'shop')).out,
      'shop: the suspension has ended; it follows git again\n',
    );
    assert.equal((await terminal.run('resume', 'shop')).out, 'shop: it was neither suspended nor pinned\n');
    assert.equal(
      (await terminal.run('approve', 'shop')).out,
      'approved: the rollout of shop at bbbbbbbbbbbb\n',
    );
    assert.is((await terminal.run('approve', '--prune')).code, 4);
    assert.is((await terminal.run('approve', 'shop', '--prune')).code, 4);
    assert.is((await terminal.run('rollback', 'api')).code, 4);
  });
});

test('logs come as the containers wrote them, and follow until they end', () => {
  const controller = aHost();
  return atTerminal(controller, async (terminal) => {
    for (const { id, app, replica } of controller.host.world.observed.containers)
      if (app === 'shop') controller.written.set(id, [`2026-01-01T00:00:0${replica}Z hello ${replica}`]);
    assert.equal((await terminal.run('logs', 'shop')).out, '0 | hello 0\n1 | hello 1\n');
    assert.equal((await terminal.run('logs', 'shop', '--replica', '1', '-f')).out, 'hello 1\n');
    assert.is((await terminal.run('logs', 'shop', '--previous')).code, 1);
    assert.is((await terminal.run('logs', 'shop', '--tail', 'x')).code, 2);
  });
});

test('one deployment is shown with its evidence', () => {
  const controller = aHost();
  return atTerminal(controller, async (terminal) => {
    const [failed] = controller.history.deployments('cart', 1);
    controller.history.addEvidence(failed?.id ?? '', 'f'.repeat(64), {
      exitCode: 137,
      oomKilled: true,
      attempts: [{ at: 1_700_000_000_000, ok: false, detail: 'answered 500' }],
      log: ['out of \u001b[31mmemory'],
    });
    const { out } = await terminal.run('history', 'cart', failed?.id ?? '');
    assert.match(out, /Killed: +out of memory/);
    assert.match(out, /Probe: +2023-11-14 22:13:20Z failed: answered 500/);
    assert.match(out, 'out of \\u001b[31mmemory');
  });
});

test('config and version print what they know, with secrets hidden', () =>
  atTerminal(undefined, async (terminal) => {
    assert.equal((await terminal.run('config', 'check')).out, '/etc/plimsoll/plimsoll.yaml: ok\n');
    assert.match((await terminal.run('config', 'view')).out, 'token: "***"');
    assert.equal((await terminal.run('version')).out, 'plimsoll 1.2.3\n');
    assert.is(JSON.parse((await terminal.run('version', '-o', 'json')).out).version, '1.2.3');
  }));

test('every command has a help with an example', () =>
  atTerminal(undefined, async (terminal) => {
    const names = (await terminal.run('completion', 'fish')).out.matchAll(
      /__fish_use_subcommand' -f -a '(\w+)'/g,
    );
    const found = [...names].map(([, name = '']) => name);
    assert.ok(found.length >= 17, found.join(' '));
    for (const name of found) {
      const { code, out } = await terminal.run(name, '--help');
      assert.is(code, 0, name);
      assert.match(out, /\nExamples?:\n/, name);
    }
  }));

test.run();
