import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'uvu';
import type { Scope } from '../../src/api/operation.ts';
import { testCorpus } from '../corpus-file.ts';
import { aShop } from './a-shop.ts';
import { overTcp } from './over-tcp.ts';

// A case is a request as it goes over the wire; what nearly all of them have is added: Host, Connection and
// Content-Length. `{read}` stands for a token with that scope, `{outer}` for one that is limited to that project.
testCorpus(new URL('../corpus/http/', import.meta.url), async ({ lines }) => {
  let said: readonly string[] = [];
  await overTcp(aShop(), async (server) => {
    const tokenOf = (name: string) =>
      name === 'outer'
        ? server.token(['read', 'operate'], { project: 'outer' })
        : server.token(name.split('+') as Scope[]);
    const asked = lines.join('\n').replaceAll(/\{([a-z+]+)\}/g, (_, name: string) => tokenOf(name));
    said = shown(await send(server.port, withUsual(asked.trimEnd())));
  });
  return said;
});

function withUsual(asked: string): string {
  const [head = '', ...rest] = asked.split('\n\n');
  const body = rest.join('\n\n');
  const [first = '', ...headers] = head.split('\n');
  const has = (name: string) => headers.some((line) => line.toLowerCase().startsWith(`${name}:`));
  const usual = [
    ...(has('host') ? [] : ['Host: 127.0.0.1']),
    ...(has('connection') ? [] : ['Connection: close']),
    ...(has('content-length') || has('transfer-encoding') || rest.length === 0
      ? []
      : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return `${[first, ...headers, ...usual].join('\r\n')}\r\n\r\n${body}`;
}

async function send(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const answer = text(socket);
  socket.end(bytes);
  return answer;
}

/** The status, the headers that belong to a refusal, and the body. */
function shown(answer: string): readonly string[] {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [status = '', ...headers] = head.split('\r\n');
  const told = headers
    .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()))
    .filter((line) => /^(?:allow|content-type|retry-after|www-authenticate):/.test(line))
    .sort();
  const id = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
  const isShort = body.length < 1000;
  return [
    status.replace('HTTP/1.1 ', ''),
    ...told,
    ...(body === '' ? [] : [isShort ? body.replaceAll(id, 'ID') : `${body.slice(0, 80)}…`]),
  ];
}

test.run();
