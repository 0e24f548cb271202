import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Docker from 'dockerode';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import { EngineCache, nothingStale } from '../../src/docker/engine-cache.ts';
import { listRows } from '../../src/docker/list-rows.ts';
import { noSecrets } from '../../src/docker/reveal.ts';
import { createSecretFolder } from '../../src/docker/secret-folder.ts';
import { type Corner, openCorner } from './test-engine.ts';

let corner: Corner;
test.before(async () => {
  corner = await openCorner();
});
test.after(() => corner?.clear());

test('the rows are those that dockerode lists, and the same answer has the same digest', async () => {
  const { docker, engine, instance, spec } = corner;
  await engine.createContainer(spec('listed'), [], true);
  const filters = { label: [`plimsoll.instance=${instance}`] };
  const first = await listRows(docker, instance);
  assert.equal(first.rows(), await docker.listContainers({ all: true, filters }));
  assert.is((await listRows(docker, instance)).digest, first.digest);
  await engine.createContainer(spec('listed-too'), [], true);
  const second = await listRows(docker, instance);
  assert.is.not(second.digest, first.digest);
  assert.is(second.rows().length, 2);
});

test('a list that says the same as before is compared again once what it was compared with is another', async () => {
  const { docker, instance, network, engine, spec } = corner;
  const { name } = spec('renamed');
  await engine.createContainer(spec('renamed'), [], true);
  const container = docker.getContainer(name);
  const { Id: id } = await container.inspect();
  const cache = new EngineCache({
    docker,
    instance,
    network,
    secrets: noSecrets,
    folder: createSecretFolder(undefined, instance),
    sweeps: false,
    isBusy: () => false,
    redact: (text) => text,
    onAnswer: () => undefined,
  });
  await cache.refresh({ ...nothingStale(), list: 'all' });
  const resync = () => cache.refresh({ ...nothingStale(), list: 'rows' });
  assert.is(await resync(), false);
  // No events come to it: the one reading is asked for, the way back is only in the list.
  const target = docker.getContainer(id);
  await target.rename({ name: `${name}-x` });
  await cache.refresh({ ...nothingStale(), containers: new Set([id]) });
  assert.is(cache.nameOf(id), `${name}-x`);
  await target.rename({ name });
  await resync();
  assert.is(cache.nameOf(id), name);
});

const broken = [
  ['cut in its middle', (send: Send) => send(200, { 'content-length': '500' }, '[{"Id": "abc", ')],
  ['no whole JSON', (send: Send) => send(200, {}, '[{"Id": "abc", ')],
] as const;
for (const [what, answer] of broken)
  test(`an answer that is ${what} is no list`, () =>
    answering(answer, async (docker) => {
      const error = await attempt(docker);
      assert.equal([error.kind, error.reason], ['unreachable', 'EngineUnreachable']);
    }));

test("a refusal is told in the engine's words", () =>
  answering(
    (send) => send(500, { 'content-type': 'application/json' }, '{"message":"the store is broken"}'),
    async (docker) => {
      const error = await attempt(docker);
      assert.is(error.kind, 'transient');
      assert.match(error.message, 'the store is broken');
    },
  ));

type Send = (status: number, headers: Record<string, string>, body: string) => void;

async function attempt(docker: Docker): Promise<EdgeError> {
  try {
    const { rows } = await listRows(docker, 'any');
    rows();
  } catch (error) {
    if (error instanceof EdgeError) return error;
    throw error;
  }
  throw new Error('it was taken for a list');
}

/** An engine that answers everything like this, and hangs up then. */
async function answering(
  answer: (send: Send) => void,
  work: (docker: Docker) => Promise<void>,
): Promise<void> {
  const server: Server = createServer((_request, response) =>
    answer((status, headers, body) => {
      response.writeHead(status, headers).write(body, () => {
        if (headers['content-length']) response.destroy();
        else response.end();
      });
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await work(new Docker({ host: '127.0.0.1', port, protocol: 'http' }));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test.run();
