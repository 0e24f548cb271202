import { join } from 'node:path';
import { runBare } from './bare-container.ts';
import { type ConfigRepo, createConfigRepo } from './config-repo.ts';
import { type Controller, startController } from './controller.ts';
import { releases } from './images.ts';
import { serving } from './serving.ts';
import { type Settings, writeSettings } from './settings.ts';
import { commitRelease, converged, host } from './web-app.ts';
import { instance, type Part, type Workbench } from './workbench.ts';

const bare = 'bare create, start, first 200';

interface Site {
  readonly bench: Workbench;
  readonly repo: ConfigRepo;
  readonly settings: Settings;
  readonly controller: Controller;
}

/** How long a change takes until users see it, against the engine's own time for a container that answers. */
export const deploy: Part = async (bench) => {
  const repo = await createConfigRepo(join(bench.folder, 'config'));
  const settings = await writeSettings(bench.folder, { source: { dir: repo.dir } });
  const controller = startController(settings);
  const site = { bench, repo, settings, controller };
  try {
    await converged(controller, await commitRelease(repo, 1, 1), bench.signal);
    const samples: Record<'bare' | 'commit' | 'drift', number[]> = { bare: [], commit: [], drift: [] };
    for (let index = 0; index < bench.options.repetitions; index += 1) {
      const release = index % 2 === 0 ? 2 : 1;
      // One of each in turn, so that a slow minute of the machine slows all of them.
      samples.bare.push(await timeBare(bench));
      samples.commit.push(await timeCommit(site, release));
      samples.drift.push(await timeRepair(site, release));
    }
    return {
      figures: [
        { name: bare, unit: 'ms', samples: samples.bare },
        { name: 'commit to new release serving', unit: 'ms', samples: samples.commit, against: bare },
        {
          name: 'container removed by hand to serving again',
          unit: 'ms',
          samples: samples.drift,
          against: bare,
        },
      ],
      faults: [],
    };
  } finally {
    await controller.stop();
  }
};

async function timeBare({ docker, signal }: Workbench): Promise<number> {
  const [release] = releases;
  if (!release) throw new Error('there is no release');
  const startedAt = performance.now();
  const container = await runBare(docker, release, signal);
  const took = performance.now() - startedAt;
  await container.remove({ force: true });
  return took;
}

async function timeCommit({ bench, repo, settings, controller }: Site, release: number): Promise<number> {
  const revision = await commitRelease(repo, release, 1);
  const startedAt = performance.now();
  await serves(bench, settings, release);
  const took = performance.now() - startedAt;
  await converged(controller, revision, bench.signal);
  return took;
}

async function timeRepair({ bench, settings, controller }: Site, release: number): Promise<number> {
  const filters = { label: [`plimsoll.instance=${instance}`] };
  const [only, ...others] = await bench.docker.listContainers({ all: true, filters });
  if (!only || others.length > 0) throw new Error('not exactly one container before the repair');
  await bench.docker.getContainer(only.Id).remove({ force: true });
  const startedAt = performance.now();
  await serves(bench, settings, release);
  const took = performance.now() - startedAt;
  const revision = (await controller.app('web'))?.revision ?? '';
  await converged(controller, revision, bench.signal);
  return took;
}

/** Through Caddy, as a user sees it. */
function serves({ signal }: Workbench, { http }: Settings, release: number): Promise<void> {
  const address = { host: '127.0.0.1', port: http, name: host };
  return serving(address, releases[release - 1]?.page ?? '', { deadline: 60_000, signal });
}
