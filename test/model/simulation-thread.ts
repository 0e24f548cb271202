// One core's share of a run: takes a task, does it, hands back what came of it, and takes the next.

import { parentPort } from 'node:worker_threads';
import { playSeeds, walk } from './simulate-many.ts';
import type { Task, TaskResult } from './simulate-side-by-side.ts';

parentPort?.on('message', async (task: Task) => {
  parentPort?.postMessage(await perform(task));
});

async function perform(task: Task): Promise<TaskResult> {
  switch (task.kind) {
    case 'walk':
      return { ...task, walked: walk(task.options) };
    case 'seeds':
      return { ...task, totals: await playSeeds(task.first, task.count) };
    default:
      return task satisfies never;
  }
}
