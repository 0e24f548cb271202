import { isIP } from 'node:net';
import type { Route, RouteTable } from '../observed/observed.ts';

/** A route that must not be written; `app` is the one at fault, of two the one that comes later. */
export class RouteError extends Error {
  override readonly name = 'RouteError';
  readonly app: string;

  constructor(app: string, message: string) {
    super(`app ${/^[a-z0-9-]+$/.test(app) ? app : shown(app)}: ${message}`);
    this.app = app;
  }
}

/**
 * Refuses whatever could mean something else in a Caddyfile than we intend, before any of it is written. The
 * manifests were validated already; this is the last gate, since Caddy also expands `{env.X}` in its strings.
 * Throws a `RouteError` that names the app and the field.
 */
export function checkRoutes(routes: RouteTable): void {
  for (const route of routes) {
    for (const [field, isSafe, values] of rulesOf(route)) {
      const bad = values.find((value) => !isSafe(value));
      if (bad === undefined) continue;
      // What should be a hash may be a password.
      const what = field === 'basicAuth hash' ? field : `${field} ${shown(bad)}`;
      throw new RouteError(route.app, `${what} cannot be routed`);
    }
  }
  checkOwners(routes);
}

/** The path prefix without its trailing slash; `''` for all of a host. */
export function prefixOf(route: Route): string {
  return route.path.replace(/\/+$/, '');
}

type Rule = readonly [field: string, isSafe: (value: unknown) => boolean, values: readonly unknown[]];

function rulesOf(route: Route): readonly Rule[] {
  return [
    ['name', matches(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/), [route.app]],
    ['host', isHost, [route.host]],
    ['path', isPath, [route.path]],
    ['tls', oneOf('auto', 'internal', 'off'), [route.tls]],
    ['redirectFrom', isHost, route.redirectFrom],
    [
      'header',
      matches(/^[A-Za-z0-9!#$%&'*.^_|~][A-Za-z0-9!#$%&'*+.^_|~-]{0,127}$/),
      Object.keys(route.headers),
    ],
    ['header value', isQuotable, Object.values(route.headers)],
    ['loadBalancing', oneOf('round-robin', 'least-conn', 'ip-hash', 'cookie'), [route.loadBalancing]],
    ['allowIPs', isRange, route.allowIPs],
    ['basicAuth user', matches(/^[A-Za-z0-9._-]{1,253}$/), (route.basicAuth ?? []).map(({ user }) => user)],
    [
      'basicAuth hash',
      matches(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/),
      (route.basicAuth ?? []).map(({ hash }) => hash),
    ],
    ['maxBody', isWhole(Number.MAX_SAFE_INTEGER), [route.maxBody]],
    ['replica', isWhole(999), route.upstreams.map(({ replica }) => replica)],
    ['address', isAddress, route.upstreams.flatMap(({ plain, flagged }) => [plain, flagged])],
  ];
}

/** True for text that cannot leave a Caddyfile's backticks and holds no placeholder. */
export function isQuotable(value: unknown): boolean {
  return typeof value === 'string' && !/[{}`\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value);
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value);
}

function oneOf(...allowed: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && allowed.includes(value);
}

function isWhole(max: number): (value: unknown) => boolean {
  return (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max;
}

function isHost(value: unknown): boolean {
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
  return matches(new RegExp(`^(?=.{1,253}$)(?:\\*\\.)?${label}(?:\\.${label})*$`))(value);
}

/** `*` and other glob characters would match more than the prefix, so they are not among these. */
function isPath(value: unknown): boolean {
  return matches(/^\/(?:[A-Za-z0-9._~!$&'()+,;=:@/-]|%[0-9A-Fa-f]{2}){0,1023}$/)(value);
}

/** `address:port`; never a name, which could lead anywhere. */
function isAddress(value: unknown): boolean {
  const [, address = '', port = ''] = /^([\d.]+):([1-9]\d{0,4})$/.exec(String(value)) ?? [];
  return isIP(address) === 4 && Number(port) <= 65_535;
}

function isRange(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%')) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Of two routes for one place the first wins silently in Caddy, so there may not be two. */
function checkOwners(routes: RouteTable): void {
  const owners = new Map<string, Route>();
  const claim = (place: string, route: Route, field: string): void => {
    const owner = owners.get(place);
    if (owner !== undefined)
      throw new RouteError(route.app, `${field} ${place} is already routed to app ${owner.app}`);
    owners.set(place, route);
  };
  for (const route of routes) claim(`${route.host}${prefixOf(route)}`, route, 'domain');
  for (const [from, route] of redirects(routes)) claim(from, route, 'redirectFrom');
  checkHosts(routes);
}

/** Hosts that redirect what is not routed there, each once: several paths of one host may name the same. */
export function redirects(routes: RouteTable): readonly (readonly [from: string, to: Route])[] {
  const seen = new Map<string, Route>();
  for (const route of routes) {
    for (const from of route.redirectFrom) {
      const other = seen.get(from);
      if (other !== undefined && other.host !== route.host)
        throw new RouteError(route.app, `redirectFrom ${from} already leads to ${other.host}`);
      seen.set(from, other ?? route);
    }
  }
  return [...seen].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A host has one certificate. */
function checkHosts(routes: RouteTable): void {
  const hosts = new Map<string, Route>();
  for (const route of routes) {
    const first = hosts.get(route.host);
    if (first !== undefined && first.tls !== route.tls)
      throw new RouteError(
        route.app,
        `tls ${route.tls} of ${route.host} is ${first.tls} in app ${first.app}: a host has one`,
      );
    hosts.set(route.host, first ?? route);
  }
}

function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 60));
}
