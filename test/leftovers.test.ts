import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findLeftovers, removeLeftovers } from '../.ci/leftovers.ts';
import { openCorner } from './docker/test-engine.ts';

const leftovers = suite('what tests leave on the engine');

leftovers('is found by its instance and removed, and once more is no error', async () => {
  const { instance, engine, spec, network, clear } = await openCorner();
  try {
    await engine.createContainer(spec('shop'), [], false);
    await engine.createVolume(`${network}-data`, 'shop');
    const found = await findLeftovers((one) => one === instance);
    assert.equal(
      found.map(({ kind }) => kind),
      ['container', 'network', 'volume'],
    );
    assert.equal(await removeLeftovers(found), []);
    assert.equal(await findLeftovers((one) => one === instance), []);
    assert.equal(await removeLeftovers(found), []);
  } finally {
    await clear();
  }
});

leftovers('a network with a running container in it is refused in the words of the engine', async () => {
  const { instance, docker, network, image, clear } = await openCorner();
  const inside = await docker.createContainer({ Image: image, HostConfig: { NetworkMode: network } });
  try {
    await inside.start();
    const found = await findLeftovers((one) => one === instance);
    const said = await removeLeftovers(found).catch((error: Error) => error.message);
    assert.match(String(said), /has active endpoints/);
  } finally {
    await inside.remove({ force: true });
    await clear();
  }
});

leftovers.run();
