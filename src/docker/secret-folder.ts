import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statfsSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { EdgeError } from '../apply/ports.ts';
import type { SecretValue } from '../desired/secret.ts';
import { sentence } from './engine-error.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What a secret file holds, and by which version it is known. */
interface Content {
  readonly value: SecretValue;
  readonly plain: string;
  readonly mode: number;
}

/** What lies there. Without a version it is not known what is in it. */
export interface LyingFile {
  readonly plain: string | undefined;
  readonly value: SecretValue | undefined;
  readonly mode: number;
}

/** The folder in memory that secret files of containers are mounted from. All of it is gone after a reboot. */
export interface SecretFolder {
  /** Where it may be: nothing that a manifest may mount. */
  readonly places: readonly string[];
  /** Where a container's file lies. Throws `SecretFolderMissing` when there is no folder in memory. */
  pathOf(container: string, index: number): string;
  /** Whether it is a file of this folder. */
  holds(path: string): boolean;
  /** Puts the file there, whole. What is mounted already goes on to show the old one: see `overwrite`. */
  write(path: string, content: Content, owner: Owner): void;
  /**
   * Changes what is in the file: a mount holds the file itself and not its name, so one put in its place would never
   * be seen. False when the file is not there.
   */
  overwrite(path: string, content: Content): boolean;
  give(path: string, owner: Owner): void;
  read(path: string): LyingFile | undefined;
  /** Removes the folders that these files lie in. */
  remove(paths: readonly string[]): void;
  /** Removes the folders of containers that are not there any more: none of `used` lies in them. */
  sweep(used: ReadonlySet<string>): void;
}

const usual = ['/run/plimsoll', '/dev/shm/plimsoll'];
const inMemory: readonly number[] = [0x0102_1994, 0x8584_58f6];
/** Milliseconds: the folder of a container that is being made is there before it. */
const youth = 10 * 60_000;
/** Milliseconds since the epoch. Who made a container before this process is gone, and does not go on with it. */
const begun = Date.now() - process.uptime() * 1000;

/**
 * `configured` or the first usual place that is in memory. The calls are synchronous: the files are small and on no
 * disk, and nothing of ours can come in between.
 */
export function createSecretFolder(configured: string | undefined, instance: string): SecretFolder {
  const findBase = (): string | undefined =>
    (configured === undefined ? usual : [configured]).find(isInMemory);

  // Never the name of a container, so that one instance does not take another's folder for one.
  const below = (base: string): string =>
    instance === 'default' ? base : join(base, `instance-${instance}`);

  const find = (): string | undefined => {
    const base = findBase();
    return base === undefined ? undefined : below(base);
  };

  const root = (): string => {
    const base = findBase();
    if (base === undefined) throw noFolder(configured ?? usual.join(' and '), 'it is not on a tmpfs');
    makeFolder(base);
    makeFolder(below(base));
    return below(base);
  };

  const holds = (path: string): boolean => {
    const found = find();
    return found !== undefined && dirname(dirname(path)) === found && /^\d+$/.test(basename(path));
  };

  /** An instance's own folder goes with the last of its files; the default one has what others made for it. */
  const removeEmpty = (): void => {
    const found = find();
    if (instance === 'default' || found === undefined || !existsSync(found)) return;
    if (readdirSync(found).length === 0) rmdirSync(found);
  };

  const refuseForeign = (path: string): void => {
    if (!holds(path)) throw noFolder(path, 'it lies outside of secrets.runtimeDir as it is configured now');
  };

  return {
    places: configured === undefined ? usual : [configured],
    pathOf: (container, index) => join(root(), folderName(container), String(index)),
    holds,
    write(path, { value, plain, mode }, owner) {
      refuseForeign(path);
      root();
      makeFolder(dirname(path));
      rmSync(markOf(path), { force: true });
      putWhole(path, plain, mode, owner);
      putWhole(markOf(path), `${value.version} ${value.secret}`, 0o600, self());
    },
    overwrite(path, { value, plain, mode }) {
      refuseForeign(path);
      if (!isFile(path)) return false;
      // Without a mark while it is changed: a crash in between leaves a file whose content is unknown.
      rmSync(markOf(path), { force: true });
      changeInPlace(path, plain, mode);
      putWhole(markOf(path), `${value.version} ${value.secret}`, 0o600, self());
      return true;
    },
    give(path, owner) {
      refuseForeign(path);
      chown(path, owner, () => lchownSync(path, owner.uid, owner.gid));
    },
    read: (path) => (holds(path) ? readLying(path) : undefined),
    remove(paths) {
      for (const folder of new Set(paths.filter(holds).map(dirname)))
        rmSync(folder, { recursive: true, force: true });
      removeEmpty();
    },
    sweep(used) {
      const found = find();
      if (found === undefined || !existsSync(found)) return;
      const kept = new Set([...used].map(dirname));
      for (const name of readdirSync(found).filter((one) => one.startsWith('plimsoll-'))) {
        const folder = join(found, name);
        const touched = stat(folder)?.mtimeMs ?? 0;
        const isYoung = touched >= begun && Date.now() - touched < youth;
        if (!kept.has(folder) && !isYoung) rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function folderName(container: string): string {
  if (!/^plimsoll-[a-z0-9-]{1,200}$/.test(container)) throw new Error(`no name of a container: ${container}`);
  return container;
}

function markOf(path: string): string {
  return `${path}.version`;
}

function self(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

function stat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isFile(path: string): boolean {
  return stat(path)?.isFile() ?? false;
}

/** Asked of the nearest folder that exists. */
function isInMemory(path: string): boolean {
  if (!existsSync(path)) return dirname(path) !== path && isInMemory(dirname(path));
  return inMemory.includes(statfsSync(path).type);
}

/** Ours alone, down to it: nobody else can put a link into it then. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw noFolder(path, `it cannot be made (${codeOf(error)})`, error);
  }
  const found = stat(path);
  if (!found?.isDirectory()) throw noFolder(path, 'it is no folder');
  if (found.uid !== self().uid || (found.mode & 0o022) !== 0)
    throw noFolder(path, 'others may write to it: it must belong to the controller, mode 0700');
}

function putWhole(path: string, text: string, mode: number, owner: Owner): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  const file = openSync(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeAll(file, text);
    fchmodSync(file, mode);
    const { uid, gid } = self();
    if (owner.uid !== uid || owner.gid !== gid)
      chown(path, owner, () => fchownSync(file, owner.uid, owner.gid));
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}

function changeInPlace(path: string, text: string, mode: number): void {
  // Whoever owns it may open it for writing only when its mode says so; root always.
  if (self().uid !== 0) chmodSync(path, 0o600);
  const file = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    ftruncateSync(file, writeAll(file, text));
    fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

/** From the beginning; answers the number of bytes. */
function writeAll(file: number, text: string): number {
  const bytes = Buffer.from(text);
  let at = 0;
  while (at < bytes.length) at += writeSync(file, bytes, at, bytes.length - at, at);
  return at;
}

/** A controller that is not root cannot give files away; root in a container reads what is its own all the same. */
function chown(path: string, owner: Owner, change: () => void): void {
  try {
    change();
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error;
    if (owner.uid === 0 || owner.uid === self().uid) return;
    const why = `the controller may not give it to user ${owner.uid}, who the container runs as: it must be root, or have CAP_CHOWN`;
    throw new EdgeError('transient', 'SecretFileOwner', sentence({ operation: 'put', object: path }, why));
  }
}

function readLying(path: string): LyingFile | undefined {
  const found = stat(path);
  if (!found?.isFile()) return undefined;
  const [, version, secret] = /^(\S+) (.+)$/s.exec(readIfAllowed(markOf(path)) ?? '') ?? [];
  const value = version === undefined || secret === undefined ? undefined : { secret, version };
  return { plain: readIfAllowed(path), value, mode: found.mode & 0o7777 };
}

function readIfAllowed(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function noFolder(path: string, why: string, cause?: unknown): EdgeError {
  const hint = 'set secrets.runtimeDir to a folder on a tmpfs';
  const call = { operation: 'keep secret files in', object: path };
  return new EdgeError('transient', 'SecretFolderMissing', sentence(call, `${why}; ${hint}`), cause);
}
