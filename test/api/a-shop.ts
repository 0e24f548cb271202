import { aDomain, anApp, aWorld } from '../plan/worlds.ts';
import { AController } from './a-controller.ts';

export const first = 'a'.repeat(40);
export const second = 'b'.repeat(40);

/** `shop` of project `outer` at its second release, one domain, two replicas; `cart` of `inner`; both with logs. */
export function aShop(): AController {
  const controller = new AController(aWorld([]));
  const shop = {
    domains: [aDomain('shop.example.com')],
    replicas: 2,
    labels: { team: 'web' },
    project: 'outer',
    environment: 'production',
  };
  const cart = anApp({ name: 'cart', image: 'cart:1', labels: { team: 'core' }, project: 'inner' });
  controller.release(first, [anApp({ ...shop, image: 'shop:1' }), cart]);
  controller.release(second, [anApp({ ...shop, image: 'shop:2' }), cart]);
  controller.history.revision(first, 0, controller.now());
  controller.history.revision(second, 0, controller.now());
  for (const { id, replica } of controller.host.world.observed.containers)
    controller.written.set(id, [`2026-01-01T00:00:0${replica}Z hello ${replica}`]);
  return controller;
}

/** From now on the engine tells nothing of the app's container; answers its id. */
export function unreadOf(controller: AController, app: string): string {
  const { host } = controller;
  const { id = '', name = '' } = host.world.observed.containers.find((one) => one.app === app) ?? {};
  const unread = [{ id, name, app, message: `inspect ${id}: no answer` }];
  host.world = { ...host.world, observed: { ...host.world.observed, unread } };
  controller.look();
  return id;
}
