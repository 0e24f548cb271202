import { test } from 'uvu';
import { faultTest } from './fault-test.ts';
import { cycles, type Point, strikeAt, strikeEverywhere } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import type { Stage } from './stage.ts';

for (const cycle of cycles)
  faultTest(
    {
      kind: 'SIGKILL at a call',
      name: `a controller killed in ${cycle.join(' and ')}, at any call that changes something, is no loss`,
    },
    async (stage) => {
      await beginWith(stage, { api: { release: '0' }, web: { release: '0' } });
      stage.follow('api', /^api 0$/);
      const strike = (point: Point) => killAt(stage, point);
      await strikeEverywhere(stage, { cycle, what: 'SIGKILL', few: 1, strike });
    },
  );

/** False when the operation was over before. */
async function killAt(stage: Stage, point: Point): Promise<boolean> {
  const { controller, ledger } = stage;
  const act = () => controller.signal('SIGKILL');
  const { expected, isReached } = await strikeAt(stage, point, () => ({
    kind: 'break',
    when: point.when,
    act,
  }));
  if (isReached) {
    await controller.ended();
    ledger.calm();
    stage.start();
  }
  await expectHolds(stage, expected);
  return isReached;
}

test.run();
