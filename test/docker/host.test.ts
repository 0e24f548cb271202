import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createEngineReader, type DockerReader } from '../../src/docker/engine-reader.ts';
import { type Corner, openCorner, until } from './test-engine.ts';

let corner: Corner;
let reader: DockerReader;
test.before(async () => {
  corner = await openCorner();
  reader = createEngineReader(corner);
});
test.after(async () => {
  reader?.close();
  await corner?.clear();
});

test('says what a running container uses, and nothing of one that does not run', async () => {
  const { engine, spec, address } = corner;
  const wanted = spec('busy', {
    command: ['/bin/sh', '-c', 'while :; do :; done'],
    memory: 67_108_864,
    nanoCpus: 500_000_000,
    address: address(20),
  });
  await engine.createContainer(wanted, [], true);
  assert.is(await reader.stats(wanted.name), undefined);
  await engine.start(wanted.name);
  const stats = await until('its work', async () => {
    const found = await reader.stats(wanted.name);
    return found && found.cpuPercent > 0 && found;
  });
  assert.ok(stats.cpuSeconds > 0);
  assert.ok(stats.memoryBytes > 0 && stats.memoryBytes < 67_108_864, `${stats.memoryBytes}`);
  assert.is(stats.memoryLimit, 67_108_864);
  const atOnce = await reader.stats(wanted.name, true);
  assert.ok((atOnce?.cpuSeconds ?? 0) >= stats.cpuSeconds, `${atOnce?.cpuSeconds}`);
  assert.ok(stats.pids >= 1);
  assert.ok(stats.networkReceivedBytes >= 0 && stats.networkSentBytes >= 0);
  assert.ok(Math.abs(Date.now() - stats.at) < 60_000);
  await engine.stop(wanted.name, 0);
  assert.is(await reader.stats(wanted.name), undefined);
  assert.is(await reader.stats('plimsoll-nobody-0'), undefined);
  await engine.remove(wanted.name);
});

test('tells of the host', async () => {
  const info = await reader.hostInfo();
  assert.match(info.version, /^\d+\./);
  assert.match(info.apiVersion, /^1\.\d+$/);
  assert.ok(info.cpus > 0 && info.memoryBytes > 0);
  assert.ok(info.os !== '' && info.architecture !== '' && info.kernel !== '');
  if (info.disk) assert.ok(info.disk.freeBytes > 0 && info.disk.freeBytes <= info.disk.totalBytes);
});

test('lists networks, volumes and images that are ours or used by us, with the apps that use them', async () => {
  const { docker, engine, spec, network, instance, address, image } = corner;
  const volume = `${network}-data`;
  const theirs = `${instance}-theirs`;
  await engine.createVolume(volume, 'shop');
  await docker.createVolume({ Name: theirs });
  const foreign = await docker.createNetwork({ Name: theirs });
  const mounts = [{ kind: 'volume' as const, name: volume, target: '/d', readOnly: false }];
  const shop = spec('shop', { mounts, address: address(30) });
  const web = spec('web', { mounts, networks: [theirs], address: address(31) });
  try {
    for (const wanted of [shop, web]) await engine.createContainer(wanted, [], true);
    await reader.observe(new Set());
    const networks = await reader.networks();
    assert.equal(
      networks.map(({ name, ours, apps }) => [name, ours, apps]),
      [
        [theirs, false, ['web']],
        [network, true, ['shop', 'web']],
      ].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
    assert.is(networks.find(({ name }) => name === network)?.subnet, corner.subnet);
    const volumes = await reader.volumes();
    assert.equal(
      volumes.map(({ name, ours, apps, driver }) => [name, ours, apps, driver]),
      [[volume, true, ['shop', 'web'], 'local']],
    );
    assert.ok(Date.parse(volumes[0]?.created ?? '') > 0);
    const images = await reader.images();
    assert.equal(
      images.map(({ id, apps }) => [id, apps]),
      [[image, ['shop', 'web']]],
    );
    assert.ok((images[0]?.bytes ?? 0) > 0 && Date.parse(images[0]?.created ?? '') > 0);
    assert.ok(images[0]?.tags.includes('plimsoll-test/docker:1'));
  } finally {
    for (const { name } of [shop, web]) await engine.remove(name);
    await foreign.remove();
    await docker.getVolume(theirs).remove();
  }
});

test.run();
