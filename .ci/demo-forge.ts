// Started by demo.ts: a git server on loopback for the demo's repositories. It asks for a login, and its hooks post each push.

import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { askGitBackend, basicLogin } from './git-backend.ts';

const [root = '', port = '', username = '', tokenFile = ''] = process.argv.slice(2);
const login = Buffer.from(basicLogin({ username, password: readFileSync(tokenFile, 'utf8').trim() }));

createServer((request, response) => void serve(request, response)).listen(Number(port), '127.0.0.1');

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isKnown(request.headers.authorization ?? '')) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="the demo"' }).end();
    return;
  }
  const { status, headers, body } = await askGitBackend(root, request);
  response.writeHead(status, headers).end(body);
}

function isKnown(authorization: string): boolean {
  const said = Buffer.from(authorization);
  return said.length === login.length && timingSafeEqual(said, login);
}
