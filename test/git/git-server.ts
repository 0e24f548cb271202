import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { askGitBackend, basicLogin } from '../../.ci/git-backend.ts';

/** What the server does instead of answering well. */
export type GitFault =
  | { readonly kind: 'none' }
  /** Takes the request and never says a word. */
  | { readonly kind: 'stall' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'redirect'; readonly to: string }
  /** Cuts the connection in the middle of the pack. */
  | { readonly kind: 'truncate' }
  /** The pack's bytes are not what git sent. */
  | { readonly kind: 'garble' };

export interface GitServer {
  /** `http://127.0.0.1:PORT`, with TLS `https`; a repository `x.git` below the root is at `/x.git`. */
  readonly url: string;
  /** Method and path of every request, in order. */
  readonly requests: string[];
  fault: GitFault;
  close(): Promise<void>;
}

/** A real git server: `git http-backend` behind node:http, with switchable faults. */
export async function startGitServer(
  root: string,
  auth?: { readonly username: string; readonly password: string },
  tls?: { readonly key: string; readonly cert: string },
): Promise<GitServer> {
  const requests: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${request.method} ${request.url}`);
    if (auth !== undefined && request.headers.authorization !== basicLogin(auth)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    } else {
      serve(root, running.fault, request, response);
    }
  };
  const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const running: GitServer = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fault: { kind: 'none' },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  return running;
}

function serve(root: string, fault: GitFault, request: IncomingMessage, response: ServerResponse): void {
  if (fault.kind === 'stall') return;
  if (fault.kind === 'status') {
    response.writeHead(fault.status).end('fault');
    return;
  }
  if (fault.kind === 'redirect') {
    response.writeHead(302, { location: `${fault.to}${request.url}` }).end();
    return;
  }
  void backend(root, fault, request, response);
}

/** Passes on what git answers, as the fault wants it. */
async function backend(
  root: string,
  fault: GitFault,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, headers, body } = await askGitBackend(root, request);
  const pack = request.method === 'POST' ? body.indexOf('PACK') : -1;
  if (pack >= 0 && fault.kind === 'garble') {
    for (let at = pack + 20; at < body.length - 40; at += 7) body[at] = 0x55;
  }
  response.writeHead(status, { ...headers, 'content-length': body.length });
  if (pack >= 0 && fault.kind === 'truncate') {
    response.write(body.subarray(0, pack + 20), () => response.destroy());
  } else {
    response.end(body);
  }
}
