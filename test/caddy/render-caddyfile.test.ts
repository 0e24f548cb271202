import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CaddySettings, renderCaddyfile } from '../../src/caddy/render-caddyfile.ts';
import type { Route, RouteTable } from '../../src/observed/observed.ts';

const root = join(import.meta.dirname, '../..');
const template = readFileSync(join(root, 'Caddyfile.tmpl'), 'utf8');
const settings: CaddySettings = {
  admin: 'http://127.0.0.1:2019',
  httpPort: 80,
  httpsPort: 443,
  flagDir: '/var/lib/plimsoll/flags',
  streamCloseDelay: false,
};

const plain: Route = {
  app: 'shop',
  host: 'shop.example.com',
  path: '/',
  tls: 'auto',
  redirectFrom: [],
  stripPrefix: false,
  headers: {},
  loadBalancing: 'round-robin',
  compress: false,
  allowIPs: [],
  maxBody: 0,
  upstreams: [{ replica: 0, plain: '10.1.0.2:8080', flagged: '10.1.0.3:8080' }],
};
const two = [
  { replica: 0, plain: '10.1.0.2:8080', flagged: '10.1.0.3:8080' },
  { replica: 1, plain: '10.1.0.4:8080', flagged: '10.1.0.5:8080' },
];

const golden: Record<string, { settings?: Partial<CaddySettings>; routes: RouteTable }> = {
  empty: { routes: [] },
  'one-app': { routes: [plain] },
  'everything-a-route-can-say': {
    routes: [
      {
        ...plain,
        tls: 'internal',
        redirectFrom: ['old.example.com', 'www.shop.example.com'],
        headers: {
          'X-Frame-Options': 'DENY',
          'Content-Security-Policy': `default-src 'self'; report-to "csp"`,
        },
        loadBalancing: 'cookie',
        compress: true,
        allowIPs: ['10.0.0.0/8', 'fd00::/8', '192.0.2.7'],
        maxBody: 1_048_576,
        basicAuth: [{ user: 'ada', hash: `$2b$10$${'a'.repeat(53)}` }],
        upstreams: two,
      },
    ],
  },
  'several-paths-of-one-host': {
    routes: [
      plain,
      { ...plain, app: 'api', path: '/api', stripPrefix: true, loadBalancing: 'least-conn', upstreams: two },
      { ...plain, app: 'admin', path: '/api/admin/', loadBalancing: 'ip-hash' },
      { ...plain, app: 'docs', host: 'docs.example.com', redirectFrom: ['help.example.com'] },
      { ...plain, app: 'faq', host: 'help.example.com', path: '/faq' },
    ],
  },
  'no-replica-and-no-tls': { routes: [{ ...plain, path: '/only', tls: 'off', upstreams: [] }] },
  'acme-and-newer-caddy': {
    settings: {
      admin: 'unix//run/caddy/admin.sock',
      httpPort: 8080,
      httpsPort: 8443,
      acme: { ca: 'https://127.0.0.1:14000/dir', caRoot: '/etc/ca.pem', email: 'ops@example.com' },
      streamCloseDelay: true,
    },
    routes: [plain],
  },
};

for (const [name, { settings: over, routes }] of Object.entries(golden)) {
  test(`renders ${name}`, () => {
    const file = join(import.meta.dirname, 'golden', `${name}.caddyfile`);
    const text = renderCaddyfile(template, { ...settings, ...over }, routes);
    if (process.env.UPDATE_GOLDEN || !existsSync(file)) writeFileSync(file, text);
    assert.fixture(text, readFileSync(file, 'utf8'));
  });
}

test('says which marker line a template lacks', () => {
  const without = (marker: string): string =>
    template.replace(new RegExp(`^\\s*# plimsoll:${marker}$`, 'm'), '');
  assert.throws(() => renderCaddyfile(without('global'), settings, []), /# plimsoll:global.* 0 times/);
  assert.throws(() => renderCaddyfile(without('routes'), settings, []), /# plimsoll:routes.* 0 times/);
  assert.throws(() => renderCaddyfile(template + template, settings, []), /2 times/);
});

const refused: readonly (readonly [string, Partial<Route>, RegExp])[] = [
  ['a name with a space', { app: 'a b' }, /app "a b": name/],
  ['a placeholder in a host', { host: '{env.HOME}.test' }, /app shop: host/],
  ['a host with a port', { host: 'shop.test:80' }, /host/],
  ['a newline in a host', { host: 'a.test {\n}\nb.test' }, /host/],
  ['a host that is a pattern', { host: 'a.*.test' }, /host/],
  ['a pattern in a path', { path: '/a*' }, /path/],
  ['a quote in a path', { path: '/a"' }, /path/],
  ['a space in a path', { path: '/a /b' }, /path/],
  ['a relative path', { path: 'a' }, /path/],
  ['a backtick in a header', { headers: { 'X-A': '`' } }, /header value/],
  ['a placeholder in a header', { headers: { 'X-A': '{env.HOME}' } }, /header value/],
  ['a line end in a header', { headers: { 'X-A': 'a\r\nSet-Cookie: b' } }, /header value/],
  ['a header name that is an operation', { headers: { '-Server': 'x' } }, /header "-Server"/],
  ['a redirect with a path', { redirectFrom: ['old.test/x'] }, /redirectFrom/],
  ['a range with too many bits', { allowIPs: ['10.0.0.0/33'] }, /allowIPs/],
  ['a range with words', { allowIPs: ['10.0.0.0/8 0.0.0.0/0'] }, /allowIPs/],
  ['a negative size', { maxBody: -1 }, /maxBody/],
  [
    'an address that is a name',
    { upstreams: [{ ...two[0], plain: 'evil.test:80' }] as Route['upstreams'] },
    /address/,
  ],
  ['port 0', { upstreams: [{ ...two[0], flagged: '10.1.0.3:0' }] as Route['upstreams'] }, /address/],
];
for (const [what, change, error] of refused) {
  test(`refuses ${what}`, () => {
    assert.throws(() => renderCaddyfile(template, settings, [{ ...plain, ...change }]), error);
  });
}

const conflicts: readonly (readonly [string, Partial<Route>, RegExp])[] = [
  ['one place', {}, /app b: domain shop\.example\.com is already routed to app shop/],
  ['one path but for a slash', { path: '//' }, /already routed/],
  ['different certificates of one host', { path: '/b', tls: 'off' }, /app b: tls off/],
  [
    'a redirect from a routed place',
    { host: 'b.test', redirectFrom: ['shop.example.com'] },
    /app b: redirectFrom/,
  ],
];
for (const [what, change, error] of conflicts) {
  test(`refuses two apps with ${what}`, () => {
    assert.throws(
      () => renderCaddyfile(template, settings, [plain, { ...plain, app: 'b', ...change }]),
      error,
    );
  });
}

test('refuses a flag folder that is a pattern or breaks out', () => {
  for (const flagDir of ['/var/*', '/var/`x', '/var/{env.HOME}']) {
    assert.throws(() => renderCaddyfile(template, { ...settings, flagDir }, [plain]), /flag folder/);
  }
});

test('lets no hostile text out of its place', () => {
  const structure = (text: string): string =>
    text.replace(/^\s*vars @plimsoll .*$/m, '').replace(/`[^`]*`/g, '``');
  const expected = structure(renderCaddyfile(template, settings, [{ ...plain, headers: { 'X-A': 'a' } }]));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      try {
        const text = renderCaddyfile(template, settings, [{ ...plain, headers: { 'X-A': value } }]);
        assert.is(structure(text), expected);
      } catch (error) {
        assert.match(String(error), /header value/);
      }
    }),
  );
});

test('gives the same bytes for the same routes in another order of keys', () => {
  const turned = Object.fromEntries(Object.entries(plain).reverse()) as unknown as Route;
  assert.is(renderCaddyfile(template, settings, [turned]), renderCaddyfile(template, settings, [plain]));
});

test.run();
