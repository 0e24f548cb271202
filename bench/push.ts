import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DeploymentDetail, DeploymentPage, RevisionPage } from '../src/client/create-client.ts';
import { Forge } from '../test/e2e/forge.ts';
import { runBare } from './bare-container.ts';
import { type Controller, startController } from './controller.ts';
import { releases } from './images.ts';
import { NotServedError, serving } from './serving.ts';
import { type Settings, writeSettings } from './settings.ts';
import { sweep } from './sweep.ts';
import { converged, host, name, webManifest } from './web-app.ts';
import type { Figure, Part, PartResult, Workbench } from './workbench.ts';

/** Milliseconds within which a push must be live. */
const deadline = 30_000;
const token = 'bench-token';
const hookSecret = 'bench-hook-secret';

/** How the controller reads the forge; people push by HTTPS in both. */
const transports = {
  HTTPS: async (forge: Forge) => ({ url: forge.url, auth: { username: 'git', token } }),
  SSH: async (forge: Forge) => {
    await forge.openSsh();
    const { sshKey, ssh } = forge;
    return { url: `${ssh.url}/config.git`, auth: { sshKey, knownHosts: [ssh.hostLine()] } };
  },
} satisfies Record<string, (forge: Forge) => Promise<object>>;

type Transport = keyof typeof transports;

/**
 * Milliseconds before each push: what was asked of the server in the round before is asked once more when the time has
 * passed that it is spared for, and this must not be what finds the commit.
 */
const calm: Readonly<Record<Transport, number>> = { HTTPS: 1_500, SSH: 6_000 };

/** From a `git push`, whose hook signs and posts it, to the new release answering through Caddy. */
export const push: Part = async (bench) => {
  const results: PartResult[] = [];
  for (const transport of Object.keys(transports) as Transport[])
    results.push(await follow(bench, transport).finally(() => sweep(bench.docker)));
  return {
    figures: results.flatMap(({ figures }) => figures),
    faults: results.flatMap(({ faults }) => faults),
  };
};

interface Site {
  readonly bench: Workbench;
  readonly forge: Forge;
  readonly settings: Settings;
  readonly controller: Controller;
}

async function follow(bench: Workbench, transport: Transport): Promise<PartResult> {
  const forge = await Forge.open(token, { isSecure: true });
  try {
    const settings = await writeSettings(join(bench.folder, transport), {
      // So long that only the webhook can have brought the news.
      source: { interval: '1h', ...(await transports[transport](forge)) },
      webhooks: { github: { secrets: [hookSecret] } },
    });
    forge.hook(`http://127.0.0.1:${settings.api}/webhooks/github`, hookSecret);
    const first = await forge.push(release(1));
    const controller = startController(settings, { NODE_EXTRA_CA_CERTS: forge.certificate });
    try {
      await converged(controller, first, bench.signal);
      return await measure({ bench, forge, settings, controller }, transport);
    } finally {
      await controller.stop();
    }
  } finally {
    await forge.close();
  }
}

async function measure(site: Site, transport: Transport): Promise<PartResult> {
  const { bench } = site;
  const bare: number[] = [];
  const pushes: Moments[] = [];
  const faults: string[] = [];
  for (let index = 0; index < bench.options.repetitions && faults.length === 0; index += 1) {
    // One of each in turn, so that a slow minute of the machine slows both.
    bare.push(await timeBare(bench));
    await delay(calm[transport], undefined, { signal: bench.signal });
    const moments = await timePush(site, index % 2 === 0 ? 2 : 1);
    // The next ones would only wait for the same.
    if (typeof moments === 'string') faults.push(`${transport}: push ${index + 1} ${moments}`);
    else pushes.push(moments);
  }
  bench.say(`${transport}: ${pushes.length} of ${bench.options.repetitions} pushes were live in time`);
  return { figures: figuresOf(transport, bare, pushes), faults };
}

async function timeBare({ docker, signal }: Workbench): Promise<number> {
  const [image] = releases;
  if (!image) throw new Error('there is no release');
  const startedAt = performance.now();
  const container = await runBare(docker, image, signal);
  const took = performance.now() - startedAt;
  await container.remove({ force: true });
  return took;
}

/** When each thing of one push happened, in milliseconds since the epoch, all by the clock of this machine. */
interface Moments {
  /** By the bench: git begins, and returns. */
  readonly begun: number;
  readonly returned: number;
  /** By the hook. */
  readonly posted: number;
  readonly answered: number;
  /** By history: the look that saw the commit, and two steps of its deployment. */
  readonly seen: number;
  readonly running: number;
  readonly verified: number;
  /** By a client of Caddy's: the first page of the new release. */
  readonly live: number;
}

/** What is wrong, as the end of a sentence, when the push was not live in time. */
async function timePush(site: Site, number: number): Promise<Moments | string> {
  const { bench, forge, settings, controller } = site;
  const revision = forge.commit(release(number));
  const address = { host: '127.0.0.1', port: settings.http, name: host };
  const page = releases[number - 1]?.page ?? '';
  const begun = Date.now();
  const served = serving(address, page, { deadline, signal: bench.signal }).then(
    () => Date.now(),
    (error: unknown) => {
      if (error instanceof NotServedError) return undefined;
      throw error;
    },
  );
  const [returned, live] = await Promise.all([
    forge.send('HEAD:refs/heads/main').then(() => Date.now()),
    served,
  ]);
  const hook = forge.answers().at(-1);
  if (hook?.status !== 202 || !/"status":"accepted"/.test(hook.body))
    return `has a webhook that was answered ${hook?.status}: ${hook?.body}`;
  if (live === undefined) return `was not live within ${deadline / 1000} s: ${await stateOf(controller)}`;
  await converged(controller, revision, bench.signal);
  return {
    ...{ begun, returned, live, posted: hook.sentAt, answered: hook.answeredAt },
    ...(await recorded(controller, revision)),
  };
}

async function stateOf(controller: Controller): Promise<string> {
  const app = await controller.app(name);
  return `${app?.sync}, ${app?.health}, ${app?.operation} ${app?.error ?? ''}`.trim();
}

async function recorded(
  { ask }: Controller,
  revision: string,
): Promise<Pick<Moments, 'seen' | 'running' | 'verified'>> {
  const revisions = await ask<RevisionPage>('revisions?limit=500');
  const seen = revisions?.items.find(({ id }) => id === revision)?.firstSeen;
  const deployments = await ask<DeploymentPage>(`apps/${name}/deployments`);
  const id = deployments?.items.find((one) => one.revision === revision)?.id;
  const detail = await ask<DeploymentDetail>(`deployments/${id}`);
  const step = (kind: string) => detail?.steps.find((one) => one.kind === kind);
  return {
    seen: timeOf(seen),
    running: timeOf(step('start')?.endedAt),
    // It is published as soon as it has passed its gate.
    verified: timeOf(step('publish')?.startedAt),
  };
}

function timeOf(text: string | null | undefined): number {
  const time = Date.parse(text ?? '');
  if (Number.isNaN(time)) throw new Error('history does not tell of the push');
  return time;
}

function figuresOf(transport: Transport, bare: readonly number[], pushes: readonly Moments[]): Figure[] {
  if (pushes.length === 0) return [];
  const base = `${transport}: bare create, start, first 200`;
  const between = (from: keyof Moments, to: keyof Moments): Pick<Figure, 'unit' | 'samples'> => ({
    unit: 'ms',
    samples: pushes.map((moments) => moments[to] - moments[from]),
  });
  const named = (text: string): string => `${transport}: ${text}`;
  return [
    { name: base, unit: 'ms', samples: bare },
    { name: named('git push begun to new release serving'), ...between('begun', 'live'), against: base },
    {
      name: named('git push returned to new release serving'),
      ...between('returned', 'live'),
      against: base,
    },
    { name: named('· git push until its hook posts'), ...between('begun', 'posted') },
    { name: named('· webhook until it is answered'), ...between('posted', 'answered') },
    { name: named('· webhook until its commit was fetched and read'), ...between('posted', 'seen') },
    { name: named('· from then until the new container runs'), ...between('seen', 'running') },
    { name: named('· from then until it is verified'), ...between('running', 'verified') },
    { name: named('· from then until Caddy serves it'), ...between('verified', 'live') },
  ];
}

function release(number: number): Readonly<Record<string, string>> {
  return { 'web/app.yaml': `${JSON.stringify(webManifest(number, 1), null, 2)}\n` };
}
