import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { startRegistry } from '../docker/a-registry.ts';
import { manifest, onHost, type TestHost } from './host.ts';
import { makeIdentity, seal } from './seal.ts';

const login = { username: 'puller', password: 'of-the-registry-7' };

const project = (host: string) =>
  JSON.stringify({
    apiVersion: 'plimsoll/v1',
    kind: 'Project',
    metadata: { name: 'all' },
    spec: { registries: [{ host, username: login.username, password: { secret: 'registry/PASSWORD' } }] },
  });

interface Item {
  readonly nextRetry: string | null;
  readonly replicas: readonly { readonly digest: string | null }[];
}

/** Every name that images got by this registry. */
async function removeImagesOf({ docker }: TestHost, registry: string): Promise<void> {
  for (const { RepoTags, RepoDigests } of await docker.listImages())
    for (const name of [...(RepoTags ?? []), ...(RepoDigests ?? [])])
      if (name.startsWith(`${registry}/`))
        await docker
          .getImage(name)
          .remove({ force: true })
          .catch(() => undefined);
}

/** What the engine calls the image of the app's only container. */
async function imageOf(host: TestHost, app: string): Promise<string> {
  return (await (await host.only(app)).inspect()).Image;
}

test(
  'an app is pulled from a private registry with the login of its project, and follows a tag that moves',
  onHost(async (host) => {
    const registry = await startRegistry(login);
    host.endsWith(() => registry.stop());
    const { docker } = host;
    const given = 'plimsoll-test/e2e:1';
    const reference = await registry.push(docker, given, 'shop:stable');
    host.endsWith(() => removeImagesOf(host, registry.host));

    const identity = await makeIdentity(host);
    await host.configure({}, { secrets: { identity }, source: { dir: host.repo, interval: '2s' } });
    const controller = await host.controller();
    const files = {
      'app.yaml': project(registry.host),
      'secrets/app.yaml': await seal(host, 'registry', { PASSWORD: 'a-wrong-password' }),
      'shop/app.yaml': manifest('shop', '1', { image: reference, pull: 'always' }),
    };
    host.commit(files);
    await host.untilReason('shop', 'RegistryDenied');
    const refused = (await host.ask('GET', '/api/v1/apps/shop')).body as Item;
    assert.ok(refused.nextRetry, 'credentials can be mended without a commit');
    assert.equal(await host.ids('shop'), []);

    const mended = host.commit({
      'secrets/app.yaml': await seal(host, 'registry', { PASSWORD: login.password }),
    });
    await host.plimsoll('reconcile', 'shop', '--retry', '--no-wait');
    await host.untilConverged(mended);
    assert.is(await host.marker('shop'), 'shop 1');
    const { replicas } = (await host.ask('GET', '/api/v1/apps/shop')).body as Item;
    assert.match(replicas[0]?.digest ?? '', /^sha256:[0-9a-f]{64}$/);
    await host.expectDiff(0);

    const before = await imageOf(host, 'shop');
    const clients = host.clients('shop', /^shop 1$/);
    await docker.getImage(given).tag({ repo: 'plimsoll-test/moved', tag: host.instance });
    const container = await docker.createContainer({ Image: given });
    await container.commit({
      repo: 'plimsoll-test/moved',
      tag: host.instance,
      changes: 'ENV MOVED=1',
    } as object);
    await container.remove();
    const moved = `plimsoll-test/moved:${host.instance}`;
    host.endsWith(() =>
      docker
        .getImage(moved)
        .remove({ force: true })
        .catch(() => undefined),
    );
    await registry.push(docker, moved, 'shop:stable');
    await until(
      'the moved tag is noticed',
      async () => {
        const ids = await host.ids('shop');
        return ids.length === 1 && (await imageOf(host, 'shop')) !== before;
      },
      60_000,
    );
    await host.untilConverged(mended);
    await clients.end();
    assert.equal(clients.wrong, []);
    const { body } = await host.ask('GET', '/api/v1/apps/shop/deployments');
    assert.is((body as { items: { cause: string }[] }).items[0]?.cause, 'digest');
    await host.expectDiff(0);
    // Without containers nothing keeps the images.
    await controller.end();
    assert.is((await host.plimsoll('down', '--yes')).code, 0);
  }),
);

test.run();
