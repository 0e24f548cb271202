import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import type { App } from '../../src/desired/app.ts';
import { describeStep } from '../../src/plan/describe-step.ts';
import { stepsOf } from '../../src/plan/simulate.ts';
import {
  aDomain,
  anApp,
  askRestart,
  aWorld,
  type Behaviour,
  type Meddling,
  meddle,
  SimulatedHost,
} from './worlds.ts';

/** Each scenario states one obligation; what the planner does about it stands beside it, for people to read. */
interface Scenario {
  readonly obligation: string;
  readonly behaviour?: Readonly<Record<string, Behaviour>>;
  readonly story: readonly Event[];
}

type Event =
  | { readonly commit: readonly AppSketch[] }
  | { readonly settle: number }
  | { readonly looks: number }
  | { readonly tick: number }
  | { readonly hand: Meddling; readonly nth: number }
  | { readonly broken: string }
  | { readonly forget: true }
  | { readonly proxy: 'edited' | 'unreachable' | 'running' }
  | { readonly shared: boolean }
  | { readonly moved: string }
  | { readonly approve: 'prune' }
  | { readonly retry: string }
  | { readonly restart: string };

type AppSketch = Partial<Omit<App, 'domains' | 'deploy' | 'policy'>> & {
  readonly name: string;
  readonly image?: string;
  readonly env?: App['container']['env'];
  readonly hosts?: readonly string[];
  readonly port?: number;
  readonly deploy?: Partial<App['deploy']>;
  readonly policy?: Partial<App['policy']>;
};

const folder = join(import.meta.dirname, 'scenarios');

for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
  const scenario = parse(readFileSync(join(folder, file), 'utf8')) as Scenario;
  test(`${file.replace('.yaml', '')}: ${scenario.obligation}`, () => {
    const golden = join(folder, file.replace('.yaml', '.plan.txt'));
    const told = tell(scenario);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, told);
    assert.ok(existsSync(golden), `${golden} is missing; UPDATE_GOLDEN=1 writes it`);
    assert.fixture(told, readFileSync(golden, 'utf8'));
  });
}

/** The whole story, look by look. */
function tell({ obligation, behaviour = {}, story }: Scenario): string {
  const host = new SimulatedHost(aWorld([]), (image) => behaviour[image] ?? 'healthy');
  const lines = [`# ${obligation}`];
  let revision = 0;
  for (const event of story) {
    if ('commit' in event) {
      revision += 1;
      lines.push(`\n== commit r${revision}`);
      host.commit(`r${revision}`, event.commit.map(toApp));
    } else lines.push(...happen(host, event));
  }
  return `${lines.join('\n')}\n`;
}

function happen(host: SimulatedHost, event: Exclude<Event, { commit: unknown }>): string[] {
  if ('broken' in event) {
    const { desired } = host.world;
    const apps = desired.apps.filter(({ name }) => name !== event.broken);
    host.world = { ...host.world, desired: { ...desired, apps, invalid: [event.broken] } };
    return [`\n== the manifest of ${event.broken} cannot be read any more`];
  }
  if ('settle' in event) return look(host, event.settle, true);
  if ('looks' in event) return look(host, event.looks, false);
  if ('tick' in event) {
    host.tick(event.tick * 1000);
    return [`\n== ${event.tick} s pass`];
  }
  if ('hand' in event) {
    const { containers } = host.world.observed;
    const name = containers[event.nth % containers.length]?.name ?? 'nothing';
    meddle(host, event.hand, event.nth);
    return [`\n== by hand: ${event.hand} ${name}`];
  }
  if ('proxy' in event) {
    const { observed } = host.world;
    const routes = event.proxy === 'running' ? observed.proxy.routes : [];
    host.world = {
      ...host.world,
      observed: { ...observed, proxy: { ...observed.proxy, state: event.proxy, routes } },
    };
    return [`\n== Caddy is ${event.proxy}`];
  }
  if ('shared' in event) {
    const { observed } = host.world;
    host.world = {
      ...host.world,
      observed: { ...observed, proxy: { ...observed.proxy, sharesFlags: event.shared } },
    };
    return [`\n== Caddy ${event.shared ? 'sees' : 'does not see'} the flag files`];
  }
  if ('moved' in event) {
    host.moved.add(event.moved);
    return [`\n== the tag ${event.moved} is moved at the registry`];
  }
  if ('restart' in event) {
    askRestart(host, event.restart);
    return [`\n== a person asks for a restart of ${event.restart}`];
  }
  const { memory, desired } = host.world;
  if ('forget' in event) {
    host.world = { ...host.world, memory: { apps: {}, approvedPrunes: [], containers: {} } };
    return ['\n== the state directory is deleted'];
  }
  if ('approve' in event) {
    host.world = { ...host.world, memory: { ...memory, approvedPrunes: [desired.revision] } };
    return ['\n== a person approves the removals'];
  }
  const {
    quarantine: _quarantine,
    failure: _failure,
    healed: _healed,
    delivered: _delivered,
    ...rest
  } = memory.apps[event.retry] ?? { restarts: {} };
  host.world = { ...host.world, memory: { ...memory, apps: { ...memory.apps, [event.retry]: rest } } };
  return [`\n== a person asks to try ${event.retry} again`];
}

/** Looks, and moves the clock when only time can change anything. */
function look(host: SimulatedHost, limit: number, quiet: boolean): string[] {
  const lines: string[] = [];
  let last = '';
  for (let count = 0; count < limit; count += 1) {
    const { now } = host.world;
    const plan = host.look();
    const steps = stepsOf(plan);
    const state = plan.apps
      .map(
        ({ app, sync, health, operation, conditions }) =>
          `  ${app}: ${sync} ${health} ${operation} (${conditions.find(({ type }) => type === 'Ready')?.reason})`,
      )
      .join('\n');
    if (steps.length > 0 || state !== last) {
      lines.push(
        `\nat ${(now - 1_000_000) / 1000} s`,
        state,
        ...steps.map(
          ({ app, step }) =>
            `  > ${app === '' ? 'host' : app}: ${plainly(describeStep(step))} (${plainly(step.reason)})`,
        ),
      );
      last = state;
    }
    if (steps.length > 0 || plan.apps.some(({ records }) => records.length > 0)) continue;
    if (plan.wakeAt === undefined || plan.wakeAt - now > 600_000) return lines;
    host.tick(Math.max(1, plan.wakeAt - now));
  }
  return quiet ? [...lines, '\n(and so on)'] : lines;
}

/** Ids of the simulated engine carry the time; people know the name. */
function plainly(text: string): string {
  return text.replace(/@\d+/g, '');
}

function toApp({ name, hosts = [], port = 8080, deploy = {}, policy = {}, ...rest }: AppSketch): App {
  const plain = anApp({ ...rest, name });
  const ports = [{ name: 'http', container: port, protocol: 'tcp' as const }];
  const base = { ...plain, container: { ...plain.container, ports } };
  return {
    ...base,
    domains: hosts.map(aDomain),
    deploy: { ...base.deploy, ...deploy },
    policy: { ...base.policy, ...policy },
  };
}

test.run();
