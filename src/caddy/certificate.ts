import { isIP } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { escapeText, shorten } from '../desired/shown-text.ts';

/** What Caddy shows to those who ask for a host by TLS. Nobody is asked whether it is trusted. */
export interface Certificate {
  /**
   * `missing`: Caddy answers and has none for this host; `expiring`: Caddy should have renewed it by now; `unknown`:
   * Caddy does not answer.
   */
  readonly status: 'valid' | 'expiring' | 'expired' | 'missing' | 'unknown';
  readonly issuer?: string;
  /** Milliseconds since the epoch. */
  readonly notAfter?: number;
  /** Why it is not valid. */
  readonly error?: string;
  /** Since when the status is this, as far as it was asked for; milliseconds since the epoch. */
  readonly since: number;
}

export interface CertificateOptions {
  /** Where Caddy listens. */
  readonly address: string;
  readonly port: number;
  /** Milliseconds since the epoch; the clock when absent. */
  readonly now?: () => number;
  /** Milliseconds for one handshake; 2 s when absent. */
  readonly timeout?: number;
}

export interface Certificates {
  /** By a handshake with Caddy itself, or as it was a short while ago. Never throws. */
  of(host: string): Promise<Certificate>;
}

const day = 86_400_000;
/** A good one stays as it is; one that is not there may come any moment. */
const keptGood = 10 * 60_000;
const keptBad = 15_000;
const mostKept = 1_000;
const mostAtOnce = 16;

interface Kept {
  readonly readAt: number;
  readonly certificate: Certificate;
}

export function createCertificates({
  address,
  port,
  now = Date.now,
  timeout = 2_000,
}: CertificateOptions): Certificates {
  const kept = new Map<string, Kept>();
  const underway = new Map<string, Promise<Certificate>>();
  const turns = createTurns(mostAtOnce);

  const read = async (host: string): Promise<Certificate> => {
    const name = serverName(host);
    const found = await turns(() => shakeHands({ address, port, host: name, timeout })).then(
      (presented) => judge(presented, name, now()),
      (error: unknown) => failure(error, timeout),
    );
    const before = kept.get(host)?.certificate;
    const since = before?.status === found.status ? before.since : now();
    const certificate = { ...found, since };
    kept.delete(host);
    kept.set(host, { readAt: now(), certificate });
    for (const oldest of kept.keys()) {
      if (kept.size <= mostKept) break;
      kept.delete(oldest);
    }
    return certificate;
  };

  return {
    of(host) {
      const known = kept.get(host);
      const age = known === undefined ? Number.POSITIVE_INFINITY : now() - known.readAt;
      // A clock that went back says nothing of an age.
      if (known && age >= 0 && age < (known.certificate.status === 'valid' ? keptGood : keptBad))
        return Promise.resolve(known.certificate);
      const running = underway.get(host);
      if (running) return running;
      const begun = read(host).finally(() => underway.delete(host));
      underway.set(host, begun);
      return begun;
    },
  };
}

/** Runs so many at once; the others wait for their turn. */
function createTurns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}

/** Every name below a wildcard has its certificate. */
function serverName(host: string): string {
  return host.replace(/^\*\./, 'plimsoll.');
}

interface Handshake {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly timeout: number;
}

/** The certificate that is shown for a name; the connection ends with the handshake, and nothing else is asked. */
async function shakeHands({ address, port, host, timeout }: Handshake): Promise<PeerCertificate> {
  const { promise, resolve, reject } = Promise.withResolvers<PeerCertificate>();
  const socket: TLSSocket = connect({
    host: address,
    port,
    // An address is no name of a server (https://www.rfc-editor.org/rfc/rfc6066#section-3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ['http/1.1'],
    // What is shown is looked at, not trusted.
    rejectUnauthorized: false,
  });
  const timer = setTimeout(() => reject(new TimeoutError()), timeout);
  socket.once('secureConnect', () => resolve(socket.getPeerCertificate()));
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('the connection was closed in the middle')));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

type Found = Omit<Certificate, 'since'>;

function judge(presented: PeerCertificate, host: string, now: number): Found {
  const notAfter = Date.parse(presented.valid_to);
  const notBefore = Date.parse(presented.valid_from);
  if (Number.isNaN(notAfter)) return { status: 'missing', error: 'Caddy shows no certificate' };
  const issuer = issuerOf(presented);
  const stranger = checkServerIdentity(host, presented);
  if (stranger) return { status: 'missing', error: `Caddy shows one of other names: ${nameOf(presented)}` };
  const left = notAfter - now;
  if (left <= 0) return { status: 'expired', issuer, notAfter, error: 'it has expired and was not renewed' };
  // Caddy renews when a third of the lifetime is left.
  const due = Math.min(14 * day, (notAfter - notBefore) / 4);
  return left < due
    ? { status: 'expiring', issuer, notAfter, error: "it should have been renewed by now; see Caddy's log" }
    : { status: 'valid', issuer, notAfter };
}

function issuerOf({ issuer }: PeerCertificate): string {
  const names = [issuer?.O, issuer?.CN].flat().filter((name) => typeof name === 'string');
  return shown([...new Set(names)].join(', '));
}

function nameOf({ subjectaltname = '' }: PeerCertificate): string {
  return shown(subjectaltname.replaceAll('DNS:', ''));
}

function failure(error: unknown, timeout: number): Found {
  if (error instanceof TimeoutError)
    return { status: 'unknown', error: `Caddy does not finish the handshake within ${timeout / 1000} s` };
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // Caddy ends a handshake that it has no certificate for with an alert.
  if (/^ERR_SSL_.*ALERT|^EPROTO$/.test(code))
    return { status: 'missing', error: 'Caddy has no certificate for it yet' };
  return { status: 'unknown', error: `Caddy does not answer: ${shown(code || reasonOf(error))}` };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function shown(text: string): string {
  return escapeText(shorten(text, 100));
}
