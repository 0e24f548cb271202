import type { App } from '../../src/desired/app.ts';
import type { Memory, Release } from '../../src/observed/memory.ts';
import { hashOf } from '../../src/plan/release.ts';
import { Controller, nothing } from './controller.ts';
import { ModelHost } from './model-host.ts';
import { Oracle } from './oracle.ts';
import type { Change } from './schedule.ts';
import { type Sketch, toApp } from './sketches.ts';

interface Slot {
  name: string;
  former?: string | undefined;
  sketch?: Sketch | undefined;
  broken: boolean;
}

/** A host, its controller, the config repo that it follows, and who judges them. */
export class Model {
  readonly host = new ModelHost();
  readonly oracle = new Oracle(this.host);
  readonly controller = new Controller(this.host, this.oracle);
  readonly #slots: readonly Slot[];
  readonly #memories: Memory<App>[] = [nothing];
  /** Containers that bear copied labels, ever. */
  copies = 0;
  #revision = 0;

  constructor(slots: number) {
    this.oracle.attach(this.controller);
    this.#slots = Array.from({ length: slots }, (_, slot) => ({ name: `app${slot}`, broken: false }));
  }

  get releases(): ReadonlyMap<string, readonly Release<App>[]> {
    return this.controller.releases;
  }

  nameOf(slot: number): string {
    return this.#slots[slot]?.name ?? '';
  }

  appOf(slot: number): App | undefined {
    return this.controller.desired.apps.find(({ name }) => name === this.nameOf(slot));
  }

  /** One commit, of one or several manifests. */
  commit(changes: readonly Change[], unnamed: boolean): void {
    this.#revision += 1;
    this.#memories.push(this.controller.memory);
    const before = this.controller.desired.apps;
    for (const change of changes) this.#write(change);
    const present = this.#slots.filter((slot) => slot.sketch || slot.broken);
    const invalid = present
      .filter((slot) => slot.broken || !this.#findsWhatItNeeds(slot))
      .map(({ name }) => name);
    const apps = present.flatMap((slot) => {
      const { sketch, name, former } = slot;
      if (!sketch || invalid.includes(name)) return [];
      const index = this.#slots.indexOf(slot);
      return [toApp({ slot: index, name, former, needs: this.#slots[index - 1]?.name }, sketch)];
    });
    apps.sort((a, b) => (a.name < b.name ? -1 : 1));
    const revision = `r${this.#revision}`;
    this.controller.desired = { revision, apps, problems: [], invalid: invalid.sort(), unnamed };
    this.#forgive(before, present);
  }

  /** Every app that is in the repo by a release that is new and good, with nothing that holds it back. */
  commitGood(): void {
    const changes = this.#slots.flatMap((slot, index): Change[] => {
      if (!slot.sketch) return slot.broken ? [{ slot: index, kind: 'delete' }] : [];
      const { suspend: _s, stopped: _t, approval: _a, ...sketch } = slot.sketch;
      const { needs: _n, ...alone } = sketch;
      const isFound = this.#slots[index - 1]?.sketch !== undefined;
      return [{ slot: index, kind: 'write', sketch: { ...(isFound ? sketch : alone), image: 'good:9' } }];
    });
    this.commit(changes, false);
  }

  forget(what: 'lost' | 'older'): void {
    this.oracle.forgive();
    this.oracle.forgetDrains();
    const older = this.#memories[Math.floor(this.#memories.length / 2)] ?? nothing;
    this.controller.memory = what === 'lost' ? nothing : older;
  }

  /** Nothing is broken any more, and nobody meddles. */
  endFaults(): void {
    const { host, controller } = this;
    host.faultsOver = true;
    host.engineUp = true;
    host.proxyUp = true;
    host.squatted.clear();
    host.resync();
    controller.faults.length = 0;
    this.oracle.disturb();
    const containers = host.engine.containers.filter((one) => host.isOurs(one, controller.memory.containers));
    host.engine = { ...host.engine, containers };
  }

  #write(change: Change): void {
    const slot = this.#slots[change.slot];
    if (!slot) return;
    // A manifest that breaks while its rename is under way says nothing of its former name any more.
    if (change.kind === 'break' && slot.former !== undefined) return;
    slot.broken = change.kind === 'break';
    if (change.kind !== 'write') {
      slot.sketch = undefined;
      if (change.kind === 'delete') slot.former = undefined;
      return;
    }
    slot.sketch = change.sketch;
    if (!change.rename) return;
    slot.former = slot.name;
    slot.name = slot.name.endsWith('b') ? slot.name.slice(0, -1) : `${slot.name}b`;
  }

  #findsWhatItNeeds({ sketch, name }: Slot): boolean {
    if (!sketch?.needs) return true;
    const before = this.#slots[this.#slots.findIndex((slot) => slot.name === name) - 1];
    return before !== undefined && (before.sketch !== undefined || before.broken);
  }

  /** What git wants anew, and what it gave up, may be tried again. */
  #forgive(before: readonly App[], present: readonly Slot[]): void {
    const hashes = new Map(before.map((app) => [app.name, hashOf(app)]));
    const after = new Map(this.controller.desired.apps.map((app) => [app.name, hashOf(app)]));
    for (const { name, former } of this.#slots) {
      const isGone = !present.some((slot) => slot.name === name);
      if (isGone || (after.has(name) && after.get(name) !== hashes.get(name))) this.oracle.forgive(name);
      if (former !== undefined) this.oracle.forgive(former);
    }
  }
}
