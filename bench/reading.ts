import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Config, loadConfig } from '../src/config.ts';
import { createLoader } from '../src/desired/load-desired.ts';
import { createSource, type Source } from '../src/git/source.ts';
import { loadContext, manifestSchemas } from '../src/manifest-schemas.ts';
import type { RouteTable } from '../src/observed/observed.ts';
import { createDesiredReader, type ReadDesired } from '../src/read-desired.ts';
import { type ConfigRepo, createConfigRepo } from './config-repo.ts';
import { releases } from './images.ts';
import { writeSettings } from './settings.ts';
import { timed } from './until.ts';
import type { Figure, Part, PartResult } from './workbench.ts';

const manifests = 1_000;
/** The same one each time: another one would be news. */
const noRoutes: RouteTable = [];
/** Of 25 projects with as many folders, 40 apps in each. */
const perFolder = 40;

/** What it takes to know what a repo of 1,000 manifests of 40 lines wants, at first and after each commit. */
export const reading: Part = async (bench) => {
  const { folder, signal, options, say } = bench;
  const repo = await createConfigRepo(join(folder, 'config'));
  const settings = await writeSettings(folder, { source: { dir: repo.dir } });
  const config = loadConfig({ file: settings.file, env: {} });
  say(`${manifests} manifests of ${manifestText(0, 0).trimEnd().split('\n').length} lines`);
  await writeTexts(repo, Object.fromEntries(Array.from({ length: manifests }, (_, n) => [n, 0])));
  // As a clone brings them: in one pack.
  await repo.git('repack', '-a', '-d', '-q');

  const native = await timed(options.repetitions, signal, () => readNatively(repo));
  const faults: string[] = [];
  const cold: number[] = [];
  for (let index = 0; index < Math.min(5, options.repetitions); index += 1) {
    const eyes = openEyes(repo, config, folder);
    cold.push(...(await timed(1, signal, async () => faults.push(...(await eyes.look(manifests))))));
    await eyes.close();
  }
  const eyes = openEyes(repo, config, folder);
  await eyes.look(manifests);
  const changed: number[] = [];
  const nothing = await timed(options.repetitions, signal, () => eyes.look(manifests));
  for (let index = 0; index < options.repetitions; index += 1) {
    await writeTexts(repo, { [index * 7]: index + 1 });
    changed.push(...(await timed(1, signal, async () => faults.push(...(await eyes.look(manifests))))));
  }
  await eyes.close();
  return { figures: figuresOf({ native, cold, changed, nothing }), faults };
};

interface Eyes {
  /** Reads the newest commit and what it wants; answers what is wrong with that. */
  look(apps: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** As a controller has them when it starts: nothing is known. */
function openEyes(repo: ConfigRepo, config: Config, folder: string): Eyes {
  const source: Source = createSource(
    { dir: repo.dir, path: '.', interval: 3_600_000, branch: 'main' },
    { stateDir: join(folder, 'state') },
  );
  const read: ReadDesired = createDesiredReader(
    createLoader(manifestSchemas()),
    { open: async () => new Map() },
    loadContext(config),
  );
  return {
    async look(wanted) {
      const { apps, problems } = await read(await source.read(), noRoutes);
      const [problem] = problems;
      if (problem) return [`${problem.file}:${problem.line}: ${problem.message}`];
      return apps.length === wanted ? [] : [`${apps.length} apps were read of ${wanted}`];
    },
    close: () => source.close(),
  };
}

/** The least that anybody could do: git's own reading of all objects, and a parser in C++ for as much JSON. */
async function readNatively({ dir }: ConfigRepo): Promise<void> {
  const listed = (await run(dir, ['ls-tree', '-r', '--format=%(objectname)', 'HEAD'])).toString('latin1');
  const objects = await run(dir, ['cat-file', '--batch'], listed);
  if (objects.length < manifests * 500) throw new Error('git did not read the objects');
  const json = JSON.stringify(manifestValue(0, 0));
  for (let index = 0; index < manifests; index += 1) JSON.parse(json);
}

async function run(dir: string, args: readonly string[], input?: string): Promise<Buffer> {
  const child = spawn('git', ['-C', dir, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  // Who reads nothing may be gone before its input is closed; what comes of it is judged by its output.
  child.stdin.on('error', () => undefined).end(input);
  return buffer(child.stdout);
}

function figuresOf(samples: {
  readonly native: readonly number[];
  readonly cold: readonly number[];
  readonly changed: readonly number[];
  readonly nothing: readonly number[];
}): PartResult['figures'] {
  const bare = 'native git and as much JSON';
  const figure = (name: string, of: readonly number[], against?: string): Figure => ({
    ...{ name, unit: 'ms', samples: of },
    ...(against === undefined ? {} : { against }),
  });
  return [
    figure(bare, samples.native),
    figure('cold: read, parsed and validated', samples.cold, bare),
    figure('a commit that changes one file', samples.changed, bare),
    figure('no new commit', samples.nothing),
  ];
}

async function writeTexts(repo: ConfigRepo, versions: Readonly<Record<number, number>>): Promise<void> {
  for (const [index, version] of Object.entries(versions)) {
    const file = join(repo.dir, pathOf(Number(index)));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, manifestText(Number(index), version));
  }
  await repo.commit({}, `${Object.keys(versions).length} manifests`);
}

function pathOf(index: number): string {
  return `project-${Math.floor(index / perFolder)}/app-${index}/app.yaml`;
}

function manifestText(index: number, version: number): string {
  return `# An app as people write them.
apiVersion: plimsoll/v1
kind: App
metadata:
  name: app-${index}
  description: what number ${index} is for
  labels:
    team: team-${index % 7}
    tier: web
spec:
  image: ${releases[0]?.image}
  pull: never
  replicas: 2
  port: 8080
  domains:
    - host: app-${index}.localhost
      path: /
      tls: "off"
      headers:
        X-Frame-Options: DENY
  env:
    LOG_LEVEL: info
    WORKERS: 4
    VERSION: "${version}"
    DATABASE_URL: postgres://db.internal/app-${index}
    FEATURE_SEARCH: true
  files:
    - mount: /etc/app/settings.json
      content: |
        {"cache": true, "size": 100}
  resources:
    memory: 128Mi
    cpus: 0.5
  healthCheck:
    http: { path: / }
    interval: 10s
    timeout: 2s
  deploy:
    order: start-first
    drain: 5s
    stopGrace: 10s
`;
}

/** A value of the same size, to be read as JSON. */
function manifestValue(index: number, version: number): object {
  return {
    lines: manifestText(index, version)
      .split('\n')
      .map((line) => line.split(': ')),
  };
}
