import fs from 'node:fs';
import * as git from 'isomorphic-git';
import { EdgeError } from '../apply/ports.ts';
import type { SourceAuth } from './auth-for.ts';
import { createHttpClient } from './http-client.ts';
import { isLibraryError } from './repository-reader.ts';
import { plainReason, revisionMissing, sourceInvalid, sourceUnreachable } from './source-error.ts';
import { haveRef, type Transport } from './transport.ts';

export interface HttpOptions {
  readonly url: string;
  /** For messages: *read source URL*. */
  readonly act: string;
  readonly auth?: SourceAuth;
  /** Milliseconds without a byte after which the server is given up. */
  readonly idle: number;
  /** Milliseconds of one request. */
  readonly timeout: number;
  /** Bytes of one answer. */
  readonly pack: number;
}

/** Git over HTTP(S), by the library. */
export function createHttpTransport(options: HttpOptions): Transport {
  const { act, url, auth } = options;
  const closing = new AbortController();
  const http = createHttpClient({
    act,
    timeout: options.idle,
    wholeTime: options.timeout,
    answerLimit: options.pack,
    signal: closing.signal,
  });
  const remote = { http, url, ...credentials(auth) };
  return {
    async list(prefix) {
      const refs = await git.listServerRefs({ ...remote, prefix, peelTags: true });
      return refs.map(({ ref, oid, peeled }) => ({
        ref,
        id: oid,
        ...(peeled === undefined ? {} : { peeled }),
      }));
    },

    async fetch(gitdir, wanted, depth) {
      await git.addRemote({ fs, gitdir, remote: 'origin', url, force: true });
      const fetched = await git.fetch({
        fs,
        gitdir,
        ...remote,
        remote: 'origin',
        // What we have: the library offers the server only the commit of this local ref.
        ref: haveRef,
        remoteRef: wanted,
        depth,
        singleBranch: true,
        tags: false,
      });
      if (fetched.fetchHead === null) throw revisionMissing(act, 'the repository is empty');
      return fetched.fetchHead;
    },

    close: () => closing.abort(),
    explain: (error) => explained(error, act, auth),
  };
}

/** Given when the server asks; a second question means that they were refused. */
function credentials(auth: SourceAuth | undefined) {
  const password = auth?.token ?? auth?.password;
  if (auth === undefined || (password === undefined && auth.username === undefined)) return {};
  // GitHub, GitLab and Gitea take a token with any user name, as long as there is one.
  const username = auth.username ?? 'x-access-token';
  return { onAuth: () => ({ username, password: password ?? '' }), onAuthFailure: () => ({ cancel: true }) };
}

function explained(error: unknown, act: string, auth: SourceAuth | undefined): EdgeError {
  if (error instanceof EdgeError) return error;
  if (isLibraryError(error, 'UserCanceledError')) {
    return sourceUnreachable(act, 'the server refuses the credentials of source.auth');
  }
  const status = error instanceof git.Errors.HttpError ? error.data.statusCode : undefined;
  if (status === 401 && auth === undefined) {
    return sourceUnreachable(act, 'the server asks for credentials: put them under source.auth');
  }
  if (status === 404)
    return sourceUnreachable(act, 'the server knows no such repository, or not for us (404)');
  if (status !== undefined) return sourceUnreachable(act, `the server answers ${status}`);
  if (isLibraryError(error, 'SmartHttpError'))
    return sourceInvalid(act, 'the server does not speak git there');
  if (isLibraryError(error, 'NotFoundError'))
    return sourceUnreachable(act, `what the server sends is not whole: ${plainReason(error)}`);
  return sourceUnreachable(act, withoutSecrets(plainReason(error), auth));
}

function withoutSecrets(text: string, auth: SourceAuth | undefined): string {
  const secrets = [auth?.password, auth?.token].filter((secret) => secret !== undefined && secret !== '');
  return secrets.reduce<string>((shown, secret) => shown.replaceAll(String(secret), '***'), text);
}
