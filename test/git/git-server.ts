import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

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
  /** `http://127.0.0.1:PORT`; a repository `x.git` below the root is at `/x.git`. */
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
): Promise<GitServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (auth !== undefined && request.headers.authorization !== basic(auth)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    } else {
      serve(root, running.fault, request, response);
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const running: GitServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
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
  backend(root, fault, request, response);
}

function backend(root: string, fault: GitFault, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://git');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => relay(Buffer.concat(chunks), request, fault, response));
}

/** A CGI answer: header lines, an empty line, the body. */
function relay(cgi: Buffer, request: IncomingMessage, fault: GitFault, response: ServerResponse): void {
  const end = cgi.indexOf('\r\n\r\n');
  const headers = new Map<string, string>();
  for (const line of cgi.toString('latin1', 0, end).split('\r\n')) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const status = Number.parseInt(headers.get('status') ?? '200', 10);
  headers.delete('status');
  const body = Buffer.from(cgi.subarray(end + 4));
  const pack = request.method === 'POST' ? body.indexOf('PACK') : -1;
  if (pack >= 0 && fault.kind === 'garble') {
    for (let at = pack + 20; at < body.length - 40; at += 7) body[at] = 0x55;
  }
  response.writeHead(status, { ...Object.fromEntries(headers), 'content-length': body.length });
  if (pack >= 0 && fault.kind === 'truncate') {
    response.write(body.subarray(0, pack + 20), () => response.destroy());
  } else {
    response.end(body);
  }
}

function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
