import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import git from 'isomorphic-git';
import { EdgeError } from '../apply/ports.ts';
import type { Snapshot } from '../desired/desired.ts';
import { createAnnouncer } from './announcer.ts';
import { createHttpClient } from './http-client.ts';
import { createPatientRead } from './patient-read.ts';
import { createRepositoryReader, isLibraryError } from './repository-reader.ts';
import type { Source, SourceAuth, SourceDeps } from './source.ts';
import { isRefName } from './source-address.ts';
import { branchMissing, plainReason, sourceInvalid, sourceUnreachable } from './source-error.ts';

interface HttpConfig {
  readonly url: string;
  readonly branch: string;
  readonly path: readonly string[];
  readonly interval: number;
  readonly auth?: SourceAuth;
}

/** Every fetch leaves a pack, and nothing here packs them together: after so many a new mirror is begun. */
const packLimit = 20;
/** What git itself means by "all of history". */
const allDepth = 2 ** 31 - 1;

/**
 * A remote repository over HTTP(S), mirrored bare and one commit deep. The mirror is only a cache: whatever
 * is wrong with it, it is thrown away and cloned again.
 */
export function createHttpSource(config: HttpConfig, deps: SourceDeps): Source {
  const act = `read source ${config.url}`;
  const mirror = join(deps.stateDir, 'sources', mirrorName(config.url));
  const closing = new AbortController();
  const http = createHttpClient({ act, timeout: deps.timeout ?? 15_000, signal: closing.signal });
  const remote = { http, url: config.url, ...credentials(config.auth) };
  const reader = createRepositoryReader(mirror, config.path);
  const announcer = createAnnouncer(config.interval, () => undefined);
  let last: Snapshot | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const patient = createPatientRead(() => inTurn(newest), {
    spacing: deps.spacing ?? 1_000,
    patience: 2_000,
    announce: () => announcer.announce(),
  });

  return {
    read: () => patient.read(),
    refresh: () => patient.refresh(),
    readAt: (revision) => inTurn(() => at(revision)),
    onChange: (listener) => announcer.onChange(listener),
    async close() {
      announcer.close();
      patient.close();
      closing.abort();
      await turn.catch(() => undefined);
    },
  };

  /** The mirror has one user at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = turn.then(() => told(work));
    turn = next.catch(() => undefined);
    return next;
  }

  async function told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explained(error, act, config.auth);
    }
  }

  async function newest(): Promise<Snapshot> {
    const ref = `refs/heads/${config.branch}`;
    const refs = await git.listServerRefs({ ...remote, prefix: ref });
    const id = refs.find((found) => found.ref === ref)?.oid;
    if (id === undefined) throw branchMissing(act, `there is no branch "${config.branch}"`);
    if (last?.revision !== id) last = await snapshotOf(id, ref);
    return last;
  }

  /** By way of what is here already, what the server adds, and a new mirror: the first that is whole. */
  async function snapshotOf(id: string, ref: string): Promise<Snapshot> {
    const here = await readWhole(id);
    if (here !== undefined) return here;
    if ((await packCount(mirror)) < packLimit) {
      const fetched = await fetchInto(mirror, ref, 1).catch((error: unknown) => {
        if (isRemoteFault(error)) throw error;
        return undefined;
      });
      const added = fetched === undefined ? undefined : await readWhole(fetched);
      if (added !== undefined) return added;
    }
    return reader.snapshotOf(await cloneAfresh(ref, 1));
  }

  /** Undefined when an object is missing or damaged. */
  async function readWhole(id: string): Promise<Snapshot | undefined> {
    try {
      return await reader.snapshotOf(id);
    } catch (error) {
      if (error instanceof EdgeError) throw error;
      return undefined;
    }
  }

  async function at(revision: string): Promise<Snapshot> {
    const known = isRefName(revision) ? await serverRef(revision) : undefined;
    if (known !== undefined) return snapshotOf(known.oid, known.ref);
    const id = await reader.resolve(revision).catch(() => undefined);
    const here = id === undefined ? undefined : await readWhole(id);
    if (here !== undefined) return here;
    await cloneAfresh(`refs/heads/${config.branch}`, allDepth);
    const found = await reader.resolve(revision);
    if (found === undefined) {
      throw sourceInvalid(
        act,
        `there is no revision "${plainReason(revision)}" on branch "${config.branch}"`,
      );
    }
    return reader.snapshotOf(found);
  }

  /** A tag, a branch, or the id that one of them has now. */
  async function serverRef(revision: string): Promise<{ ref: string; oid: string } | undefined> {
    const refs = await git.listServerRefs({ ...remote, prefix: 'refs/' });
    const named = ['refs/tags', 'refs/heads'].flatMap((space) =>
      refs.filter(({ ref }) => ref === `${space}/${revision}`),
    );
    return named[0] ?? refs.find(({ ref, oid }) => ref.startsWith('refs/heads/') && oid === revision);
  }

  /** The new mirror takes the place of the old one only when it is whole. */
  async function cloneAfresh(ref: string, depth: number): Promise<string> {
    const fresh = `${mirror}.new`;
    await rm(fresh, { recursive: true, force: true });
    try {
      const id = await fetchInto(fresh, ref, depth);
      await rm(mirror, { recursive: true, force: true });
      await rename(fresh, mirror);
      return id;
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  }

  async function fetchInto(gitdir: string, ref: string, depth: number): Promise<string> {
    await mkdir(gitdir, { recursive: true, mode: 0o700 });
    await git.init({ fs, gitdir, bare: true });
    await git.addRemote({ fs, gitdir, remote: 'origin', url: config.url, force: true });
    const fetched = await git.fetch({
      fs,
      gitdir,
      ...remote,
      remote: 'origin',
      // What we have: the library offers the server only the commit of this local ref.
      ref: ref.replace(/^refs\/heads\//, 'refs/remotes/origin/'),
      remoteRef: ref,
      depth,
      singleBranch: true,
      tags: false,
    });
    if (fetched.fetchHead === null) throw branchMissing(act, `there is no branch "${config.branch}"`);
    return fetched.fetchHead;
  }
}

function mirrorName(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 32);
}

async function packCount(gitdir: string): Promise<number> {
  const names = await readdir(join(gitdir, 'objects', 'pack')).catch((): string[] => []);
  return names.filter((name) => name.endsWith('.pack')).length;
}

/** Given when the server asks; a second question means that they were refused. */
function credentials(auth: SourceAuth | undefined) {
  if (auth === undefined) return {};
  const password = auth.token ?? auth.password ?? '';
  // GitHub, GitLab and Gitea take a token with any user name, as long as there is one.
  const username = auth.username ?? 'x-access-token';
  return { onAuth: () => ({ username, password }), onAuthFailure: () => ({ cancel: true }) };
}

/** The server's answer or silence, as opposed to a mirror that cannot take what it sent. */
function isRemoteFault(error: unknown): boolean {
  return (
    error instanceof EdgeError ||
    isLibraryError(error, 'HttpError') ||
    isLibraryError(error, 'UserCanceledError')
  );
}

function explained(error: unknown, act: string, auth: SourceAuth | undefined): EdgeError {
  if (error instanceof EdgeError) return error;
  if (isLibraryError(error, 'UserCanceledError')) {
    return sourceUnreachable(act, 'the server refuses the credentials of source.auth');
  }
  const status = statusOf(error);
  if (status === 401 && auth === undefined) {
    return sourceUnreachable(act, 'the server asks for credentials: put them under source.auth');
  }
  if (status === 404)
    return sourceUnreachable(act, 'the server knows no such repository, or not for us (404)');
  if (status !== undefined) return sourceUnreachable(act, `the server answers ${status}`);
  if (isLibraryError(error, 'SmartHttpError'))
    return sourceInvalid(act, 'the server does not speak git there');
  return sourceUnreachable(act, withoutSecrets(plainReason(error), auth));
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof git.Errors.HttpError)) return undefined;
  return error.data.statusCode;
}

function withoutSecrets(text: string, auth: SourceAuth | undefined): string {
  const secrets = [auth?.password, auth?.token].filter((secret) => secret !== undefined && secret !== '');
  return secrets.reduce<string>((shown, secret) => shown.replaceAll(String(secret), '***'), text);
}
