import { canonicalJson } from '../desired/canonical.ts';
import type { Route, RouteTable, Upstream } from '../observed/observed.ts';
import { checkRoutes, isQuotable, prefixOf, redirects } from './check-routes.ts';
import { tableVariable } from './embedded-table.ts';

/** What the controller's configuration says of Caddy, and what Caddy itself is able to do. */
export interface CaddySettings {
  /** `http://127.0.0.1:2019` or `unix//path`. */
  readonly admin: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly acme?: AcmeSettings;
  /** Absolute path of the folder with the flag files, as Caddy sees it. */
  readonly flagDir: string;
  /** Caddy knows `stream_close_delay` (2.7), which keeps websockets open over a reload. */
  readonly streamCloseDelay: boolean;
}

export interface AcmeSettings {
  /** Directory URL. */
  readonly ca?: string;
  /** PEM file with the root that the directory's own certificate is checked against. */
  readonly caRoot?: string;
  readonly email?: string;
}

/** A request for this host, which no one can own, and this file tell whether Caddy sees the flag folder. */
export const flagCheck = { host: 'plimsoll.invalid', file: '.plimsoll', answer: 'plimsoll sees its flags' };

export const unknownHost = 'plimsoll: no app answers to this host';

/**
 * The Caddyfile that the template and the routes make. Throws an `Error` naming the missing marker line, or the
 * app and field that cannot be written safely. Equal inputs give equal bytes.
 */
export function renderCaddyfile(template: string, settings: CaddySettings, routes: RouteTable): string {
  checkRoutes(routes);
  const withGlobal = replaceLine(template, '# plimsoll:global', globalOptions(settings));
  return replaceLine(withGlobal, '# plimsoll:routes', sites(settings, routes));
}

function replaceLine(text: string, marker: string, lines: readonly string[]): string {
  const found = text.split(/\r?\n/).filter((line) => line.trim() === marker).length;
  if (found !== 1)
    throw new Error(`Caddyfile template: the line "${marker}" stands in it ${found} times instead of once`);
  return text
    .split(/\r?\n/)
    .flatMap((line) => (line.trim() === marker ? lines.map((each) => indentAs(line, each)) : [line]))
    .join('\n');
}

function indentAs(marker: string, line: string): string {
  return line === '' ? '' : `${marker.slice(0, marker.indexOf('#'))}${line}`;
}

function globalOptions({ admin, httpPort, httpsPort, acme = {} }: CaddySettings): readonly string[] {
  return [
    `admin ${quoted('caddy.admin', admin.replace(/^https?:\/\/|\/$/g, ''))}`,
    `http_port ${httpPort}`,
    `https_port ${httpsPort}`,
    ...(acme.ca ? [`acme_ca ${quoted('caddy.acme.ca', acme.ca)}`] : []),
    ...(acme.caRoot ? [`acme_ca_root ${quoted('caddy.acme.caRoot', acme.caRoot)}`] : []),
    ...(acme.email ? [`email ${quoted('caddy.acme.email', acme.email)}`] : []),
  ];
}

function sites(settings: CaddySettings, routes: RouteTable): readonly string[] {
  const redirecting = new Map(redirects(routes));
  const hosts = new Set([...routes.map(({ host }) => host), ...redirecting.keys()]);
  return [
    ...[...hosts].sort().flatMap((host) => {
      const ofHost = routes.filter((route) => route.host === host);
      return hostSite(settings, host, ofHost, redirecting.get(host));
    }),
    ...catchAll(settings, routes),
  ];
}

function hostSite(
  settings: CaddySettings,
  host: string,
  routes: RouteTable,
  redirect: Route | undefined,
): readonly string[] {
  const longestFirst = routes.toSorted(
    (a, b) => prefixOf(b).length - prefixOf(a).length || (prefixOf(a) < prefixOf(b) ? -1 : 1),
  );
  return site(host, (routes[0] ?? redirect)?.tls ?? 'auto', [
    ...longestFirst.flatMap((route, index) => pathBlock(settings, route, index)),
    ...(longestFirst.some((route) => prefixOf(route) === '') ? [] : [elsewhere(redirect)]),
  ]);
}

/** What answers to the paths of a host that no app has. */
function elsewhere(redirect: Route | undefined): string {
  if (redirect === undefined) return 'respond `plimsoll: no app answers to this path` 404';
  return `redir ${redirect.tls === 'off' ? 'http' : 'https'}://${redirect.host}{uri} 308`;
}

/** `route` keeps the order as written; Caddy would sort the directives of a site by kind otherwise. */
function site(host: string, tls: Route['tls'], lines: readonly string[]): readonly string[] {
  return [
    ...block(tls === 'off' ? `http://${host}` : host, [
      ...(tls === 'internal' ? ['tls internal'] : []),
      ...block('route', lines),
    ]),
    '',
  ];
}

function pathBlock(settings: CaddySettings, route: Route, index: number): readonly string[] {
  const prefix = prefixOf(route);
  const lines = routeLines(settings, route);
  // A plain `/api*` would match `/apix` too.
  return prefix === ''
    ? block('handle', lines)
    : [`@path${index} path ${prefix} ${prefix}/*`, ...block(`handle @path${index}`, lines)];
}

function routeLines(settings: CaddySettings, route: Route): readonly string[] {
  return [
    ...denied(route),
    ...accounts(route),
    ...responseHeaders(route),
    ...bodyLimit(route),
    ...(route.compress ? encode : []),
    ...(route.stripPrefix && prefixOf(route) !== '' ? [`uri strip_prefix ${prefixOf(route)}`] : []),
    ...proxy(settings, route),
  ];
}

function denied({ allowIPs }: Route): readonly string[] {
  if (allowIPs.length === 0) return [];
  return [
    `@denied not remote_ip ${allowIPs.join(' ')}`,
    'respond @denied `plimsoll: not allowed from here` 403',
  ];
}

/** An empty list lets nobody pass: a secret that lost its keys must not open the door. */
function accounts({ app, basicAuth }: Route): readonly string[] {
  if (basicAuth === undefined) return [];
  if (basicAuth.length === 0) return ['respond `plimsoll: nobody may pass` 403'];
  const users = basicAuth.map(({ user, hash }) => `${user} ${hash}`);
  return block(`basicauth bcrypt ${app}`, users);
}

/** `defer`: the app's own headers of that name are replaced and not joined. */
function responseHeaders({ headers }: Route): readonly string[] {
  const names = Object.keys(headers).sort();
  if (names.length === 0) return [];
  return block('header', [...names.map((name) => `\`${name}\` \`${headers[name]}\``), 'defer']);
}

/** `request_body` alone answers 502 to a declared length that is too large, and 413 only to a chunked body. */
function bodyLimit({ maxBody }: Route): readonly string[] {
  if (maxBody === 0) return [];
  const length = '{http.request.header.Content-Length}';
  return [
    `@large expression \`${length} != "" && int(${length}) > ${maxBody}\``,
    `respond @large \`plimsoll: the body is larger than ${maxBody} bytes\` 413`,
    ...block('request_body', [`max_size ${maxBody}`]),
  ];
}

const compressible = [
  ...['html', 'css', 'plain', 'xml', 'javascript', 'csv', 'markdown'].map((type) => `text/${type}`),
  ...['json', 'javascript', 'xml', 'xhtml+xml', 'rss+xml', 'atom+xml'].map((type) => `application/${type}`),
  ...['ld+json', 'problem+json', 'manifest+json', 'wasm'].map((type) => `application/${type}`),
  ...['image/svg+xml', 'image/x-icon', 'font/ttf', 'font/otf'],
];

/** Without `text/event-stream`: Caddy 2.6 holds events back until its compressor is full. */
const encode = block(
  'encode gzip zstd',
  block(
    'match',
    compressible.map((type) => `header Content-Type ${type}*`),
  ),
);

function proxy(settings: CaddySettings, route: Route): readonly string[] {
  if (route.upstreams.length === 0)
    return [`respond \`plimsoll: app ${route.app} has no replica that can answer\` 503`];
  const upstreams = route.upstreams.toSorted((a, b) => a.replica - b.replica);
  const dials = upstreams.map((upstream) => `{http.vars.${slotVariable(route, upstream)}}`);
  return [
    ...upstreams.flatMap((upstream) => slot(settings, route, upstream)),
    ...block(`reverse_proxy ${dials.join(' ')}`, [
      `lb_policy ${policies[route.loadBalancing](route)}`,
      // A replica that just died is passed over, and one that restarts is waited for.
      'lb_try_duration 2s',
      'lb_try_interval 100ms',
      ...(settings.streamCloseDelay ? ['stream_close_delay 1h'] : []),
    ]),
  ];
}

const policies = {
  'round-robin': () => 'round_robin',
  'least-conn': () => 'least_conn',
  'ip-hash': () => 'ip_hash',
  cookie: (route) => `cookie plimsoll_${route.app}`,
} satisfies Record<Route['loadBalancing'], (route: Route) => string>;

/** Caddy looks for the flag file at every request: the switch is that file, not a reload. */
function slot(settings: CaddySettings, route: Route, upstream: Upstream): readonly string[] {
  const { replica, plain, flagged } = upstream;
  const variable = slotVariable(route, upstream);
  return [
    `vars ${variable} ${plain}`,
    ...fileMatcher(`@flag${replica}`, settings, `${route.app}.${replica}`),
    `vars @flag${replica} ${variable} ${flagged}`,
  ];
}

/** Caddy counts the connections of an upstream by its dial text, so each replica of each app has its own. */
function slotVariable({ app }: Route, { replica }: Upstream): string {
  return `plimsoll.${app}.${replica}`;
}

function fileMatcher(
  name: string,
  { flagDir }: CaddySettings,
  file: string,
  also: readonly string[] = [],
): readonly string[] {
  if (/[*?[\]\\]/.test(flagDir)) throw new Error(`flag folder: ${JSON.stringify(flagDir)} holds a pattern`);
  const root = `root ${quoted('flag folder', flagDir)}`;
  return block(name, [...also, ...block('file', [root, `try_files ${file}`])]);
}

/** Caddy's own answer to an unknown host is an empty 200. */
function catchAll(settings: CaddySettings, routes: RouteTable): readonly string[] {
  const answer = `respond \`${unknownHost}\` 404`;
  const plain = block(
    'http://',
    block('route', [
      `@plimsoll host ${flagCheck.host}`,
      `vars @plimsoll ${tableVariable} ${Buffer.from(canonicalJson(routes)).toString('base64')}`,
      ...fileMatcher('@flags', settings, flagCheck.file, [`host ${flagCheck.host}`]),
      `respond @flags \`${flagCheck.answer}\``,
      answer,
    ]),
  );
  const secure = routes.some(({ tls }) => tls !== 'off') ? ['', ...block('https://', [answer])] : [];
  return [...plain, ...secure];
}

function quoted(what: string, text: string): string {
  if (!isQuotable(text)) throw new Error(`${what}: ${JSON.stringify(text)} cannot stand in a Caddyfile`);
  return `\`${text}\``;
}

function block(head: string, lines: readonly string[]): readonly string[] {
  return [`${head} {`, ...lines.map((line) => (line === '' ? '' : `\t${line}`)), '}'];
}
