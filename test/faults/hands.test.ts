import { test } from 'uvu';
import { until } from '../caddy/real-caddy.ts';
import { image } from '../e2e/host.ts';
import { hands } from './by-hand.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { operations, strikeAt } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { plain, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };

faultTest(
  {
    kind: 'changed by hand in a rollout',
    name: 'whatever a hand does to a container in any step of a rollout, the rollout ends as git says',
  },
  async (stage) => {
    const { host } = stage;
    await beginWith(stage, { ...base, shop: { release: '0', spec: whole } });
    stage.follow('api', /^api 0$/);
    const before = stage.ledger.mutations.length;
    await expectHolds(stage, operations.update.begin(stage));
    const calls = stage.ledger.mutations.length - before;
    const random = seeded('hands');
    const all = Object.keys(hands).flatMap((what) =>
      Array.from({ length: calls }, (_, index) => ({ what, at: index + 1 })),
    );
    const chosen = sample(all, isLong ? 14 : 1, random);
    say(`changed by hand in an update: ${chosen.length} of ${all.length} points, seed ${seed}`);
    // What a hand breaks is unsaid until the next look or probe.
    stage.sampler.grace = 5_000;
    for (const { what, at } of chosen) {
      let done: Promise<unknown> | undefined;
      const act = async () => {
        const ids = (await host.ids('shop')).filter((id) => !stage.planted.ids.has(id));
        const id = ids[Math.floor(random() * ids.length)] ?? '';
        // The controller may have been quicker: then there is nothing to do it to.
        await hands[what]?.(host.docker.getContainer(id), stage).catch(() => undefined);
      };
      const { expected } = await strikeAt(stage, { name: 'update', at }, () => {
        done = act();
        return undefined;
      });
      await done;
      await expectHolds(stage, { ...expected, lingering: true }).catch((error: Error) => {
        error.message = `${what} at call ${at}: ${error.message}`;
        throw error;
      });
    }
  },
);

faultTest(
  {
    kind: 'taken by others',
    name: 'the name of a container that somebody else has is left to them, and the app goes on',
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    const first = { ...base, shop: { release: '1', spec: plain } };
    await beginWith(stage, first);
    const names = (await host.containers('shop')).filter(({ id }) => !stage.planted.ids.has(id));
    await expectHolds(stage, { revision: stage.commit({ shop: { release: '2', spec: plain } }) });
    const [name = ''] = names.map((one) => one.name);
    const taker = await host.docker.createContainer({ name, Image: image, Cmd: ['/bin/sleep', '3600'] });
    host.endsWith(() => taker.remove({ force: true }).catch(() => undefined));
    stage.injected += 1;
    const revision = stage.commit({ shop: { release: '1', spec: plain } });
    await until('it serves under another name, or it is said', async () => {
      if ((await host.marker('shop')) === 'shop 1') return true;
      return (await host.app('shop')).conditions.some(({ reason }) => /NameTaken|Conflict/.test(reason));
    });
    const { Image, State } = await taker.inspect();
    if (State.Status !== 'created' || Image === '')
      throw new Error('the container of somebody else was touched');
    await taker.remove();
    await expectHolds(stage, { revision });
  },
);

test.run();
