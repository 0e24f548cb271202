import { EdgeError } from '../apply/ports.ts';
import { escapeText } from './escape-text.ts';

/** What was asked of the engine, as *operation object* in messages. */
export interface Call {
  readonly operation: string;
  readonly object: string;
}

/** An answer that is no success, taken apart. `status` is 0 when there was no answer. */
interface Refusal {
  readonly operation: string;
  readonly status: number;
  readonly message: string;
}

type Row = readonly [reason: string, kind: EdgeError['kind'], holds: (refusal: Refusal) => boolean];

/** First match wins. The words are those of Docker 20.10 to 29 and of Podman 4 and 5. */
const rows: readonly Row[] = [
  ['EngineUnreachable', 'unreachable', ({ status }) => status === 0],
  ['OutOfDisk', 'transient', says(/no space left on device|disk quota exceeded/i)],
  ['NameTaken', 'transient', says(/name .* (?:is )?already in use/i)],
  [
    'PortTaken',
    'transient',
    says(
      /port is already allocated|bind: address already in use|ports are not available|bind for .* failed/i,
    ),
  ],
  [
    'NetworkConflict',
    'transient',
    says(
      /pool overlaps|network with name .* already exists|network name .* already used|subnet .* is already used|invalid pool request|configured subnets?|ip pool contain|is ambiguous/i,
    ),
  ],
  [
    'AddressTaken',
    'transient',
    says(/address already in use|already allocated|requested IP address .* not available/i),
  ],
  [
    'RegistryRateLimited',
    'transient',
    ({ operation, status, message }) =>
      /toomanyrequests|too many requests|rate limit/i.test(message) ||
      (operation === 'pull' && status === 429),
  ],
  // Somebody may put the credentials right without a commit.
  [
    'RegistryDenied',
    'transient',
    on(
      'pull',
      /pull access denied|requested access to the resource is denied|unauthorized|authentication required|no basic auth|denied:|incorrect username or password|authorization failed/i,
    ),
  ],
  [
    'RegistryDenied',
    'transient',
    ({ operation, status }) => operation === 'pull' && (status === 401 || status === 403),
  ],
  [
    'WrongPlatform',
    'terminal',
    says(
      /no matching manifest for|no image found in manifest list|no image found in image index|does not match the (?:specified|expected) platform/i,
    ),
  ],
  ['WrongPlatform', 'terminal', on('start', /exec format error/i)],
  // A registry that says so is sure of it; at any other call the image was removed from the host.
  [
    'ImageNotFound',
    'terminal',
    on(
      'pull',
      /manifest (?:for .* )?(?:not found|unknown)|repository (?:name )?(?:not known|does not exist)|name unknown/i,
    ),
  ],
  [
    'ImageNotFound',
    'transient',
    says(
      /no such image|manifest (?:for .* )?(?:not found|unknown)|image not known|repository does not exist|reference does not exist/i,
    ),
  ],
  [
    'RegistryUnreachable',
    'transient',
    on(
      'pull',
      /dial tcp|no such host|connection refused|connection reset|timeout|deadline exceeded|context canceled|\bEOF\b|x509|tls:|server gave HTTP response|server misbehaving|received unexpected HTTP status|network is unreachable|pinging container registry|status code 5\d\d/i,
    ),
  ],
  [
    'ImageNotFound',
    'terminal',
    ({ operation, status, message }) =>
      operation === 'pull' && (status === 404 || /not found/i.test(message)),
  ],
  ['NoSuchNetwork', 'transient', says(/network .* not found|no such network|unable to find network/i)],
  // Podman before 5 has no such call.
  ['CannotUpdate', 'transient', on('update', /^not found$/i)],
  ['VolumeInUse', 'transient', says(/volume .*(?:is in use|is being used)/i)],
  ['NoSuchVolume', 'transient', says(/no such volume/i)],
  ['NoSuchContainer', 'transient', says(/no such container|no container with name or id/i)],
  [
    'EngineError',
    'transient',
    on(
      'start',
      /resource temporarily unavailable|cannot allocate memory|device or resource busy|timed? ?out|cannot start a paused/i,
    ),
  ],
  [
    'StartFailed',
    'terminal',
    on(
      'start',
      /OCI (?:runtime|permission|not found)|executable file .*not found|permission denied|no such file or directory|not a directory|is a directory|unable to find user|unable to find group|no matching entries in|runc create failed|crun:|runc:/i,
    ),
  ],
  ['InvalidConfig', 'terminal', ({ operation, status }) => operation === 'create' && status === 400],
  [
    'InvalidConfig',
    'terminal',
    on('create', /no command specified|invalid mount|invalid (?:reference|container)/i),
  ],
  ['InvalidConfig', 'terminal', on('put files into', /read-?only|not a directory|is a directory/i)],
];

/** The one error of this edge: what the engine, or its silence, means for what was asked. */
export function engineError(call: Call, error: unknown): EdgeError {
  if (error instanceof EdgeError) return error;
  const refusal = { operation: family(call.operation), status: statusOf(error), message: messageOf(error) };
  const row = rows.find(([, , holds]) => holds(refusal));
  const [reason, kind] = row ?? ['EngineError', 'transient' as const];
  const said = refusal.status === 0 ? `the engine does not answer: ${refusal.message}` : refusal.message;
  const retryAfter = reason === 'RegistryRateLimited' ? askedPause(refusal.message) : undefined;
  const made = new EdgeError(kind, reason, sentence(call, said), error, { retryAfter });
  whole.set(made, { call, said });
  return made;
}

/** What a message was made from: shortened or escaped text cannot be searched for secrets any more. */
const whole = new WeakMap<EdgeError, { readonly call: Call; readonly said: string }>();

/** The same error, with what is secret taken out of its words. */
export function redacted(error: EdgeError, redact: (text: string) => string): EdgeError {
  const { kind, reason, message, cause, retryAfter } = error;
  const { call, said } = whole.get(error) ?? {};
  const told = call && said !== undefined ? sentence(call, redact(said)) : redact(message);
  const isSame = told === message && (!(cause instanceof Error) || redact(cause.message) === cause.message);
  if (isSame) return error;
  // Whoever logs an error logs what caused it as well.
  return new EdgeError(kind, reason, told, new Error('hidden: it held a secret'), { retryAfter });
}

/** Some registries say in words how long to wait: `retry-after: 638.551µs`. */
function askedPause(message: string): number | undefined {
  const [, amount = '', unit = ''] =
    /retry[- ]after:?\s*(\d+(?:\.\d+)?)\s*(µs|us|ms|s|m|h)?/i.exec(message) ?? [];
  return amount === '' ? undefined : Number(amount) * (inMilliseconds[unit.toLowerCase()] ?? 1000);
}

const inMilliseconds: Readonly<Record<string, number>> = {
  µs: 0.001,
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** *operation object: reason*, with hostile text made printable. */
export function sentence(call: Call, reason: string): string {
  return `${call.operation} ${escapeText(call.object, 200)}: ${escapeText(reason, 400)}`;
}

/** HTTP status of the engine's answer, 0 when it gave none. */
export function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return 0;
  return typeof error.statusCode === 'number' ? error.statusCode : 0;
}

/** A restart starts; a rename creates a name. */
function family(operation: string): string {
  return operation === 'restart' ? 'start' : operation;
}

function says(pattern: RegExp): (refusal: Refusal) => boolean {
  return ({ message }) => pattern.test(message);
}

function on(operation: string, pattern: RegExp): (refusal: Refusal) => boolean {
  return (refusal) => refusal.operation === operation && pattern.test(refusal.message);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const json = 'json' in error ? error.json : undefined;
  const said = typeof json === 'object' && json !== null && 'message' in json ? json.message : undefined;
  const text = typeof said === 'string' ? said : error.message.replace(/^\(HTTP code \d+\) [^-]*- /, '');
  return withoutCredentials(text.trim());
}

function withoutCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1***@');
}
