import type Database from 'better-sqlite3';
import { EdgeError } from '../apply/ports.ts';

/**
 * What became of a delivery: a look was asked for; nothing was to be done; the sender had signed what we could not
 * read; the signature did not hold or the body was too large.
 */
export type DeliveryOutcome = 'accepted' | 'ignored' | 'invalid' | 'refused';

/** One verified webhook, without its body. Every text is safe to print and free of secrets. */
export interface NewDelivery {
  readonly provider: string;
  /** What the forge calls it; the same one twice is a repetition. */
  readonly delivery: string;
  readonly event: string;
  /** `host/path`, or empty when the payload names none; so for the next two. */
  readonly repository: string;
  readonly ref: string;
  readonly commit: string;
  /** Where it came from. */
  readonly address: string;
  readonly receivedAt: number;
  readonly outcome: Exclude<DeliveryOutcome, 'refused'>;
  /** For people; empty for an accepted one until its look is over. */
  readonly reason: string;
}

export interface DeliveryRecord extends Omit<NewDelivery, 'outcome'> {
  /** Newer ones are higher; the cursor of `list`. */
  readonly id: number;
  readonly outcome: DeliveryOutcome;
  /** The look that saw what it announced; absent until that is over. */
  readonly look?: number;
  /** What that look found in git. */
  readonly revision?: string;
  /** How often it came; for refused ones, how many came from the address in that minute. */
  readonly count: number;
}

export interface DeliveryQuery {
  readonly limit: number;
  /** Only those with a lower id. */
  readonly before?: number | undefined;
  readonly provider?: string | undefined;
  readonly outcome?: DeliveryOutcome | undefined;
}

/** What a look said that deliveries had asked for. */
export interface LookResult {
  readonly look: number;
  readonly revision?: string | undefined;
  /** Why it could not see git. */
  readonly error?: string | undefined;
}

/** What forges said: the newest 1,000 and, apart from them, the newest 200 counts of refusals, for 30 days. */
export interface DeliveryLog {
  /** The same delivery of a provider once more only raises its count, and answers with what it was the first time. */
  add(delivery: NewDelivery): DeliveryRecord;
  seen(provider: string, delivery: string): boolean;
  /**
   * Counts by provider, address and minute, in memory; the first of a minute is written at once, the others at most
   * once in five seconds, so that a flood costs next to nothing and fills no disk.
   */
  refuse(refusal: Refusal): void;
  /** The look is over that all accepted deliveries up to this id had asked for. */
  resolved(upTo: number, result: LookResult): void;
  /** Newest first. */
  list(query: DeliveryQuery): readonly DeliveryRecord[];
  /** What a controller that ended left without an answer; the look at the start of the next one sees it. */
  interrupt(): void;
  /** Writes the refusals that are only counted yet, if it can. */
  end(): void;
}

export interface Refusal {
  readonly provider: string;
  readonly address: string;
  readonly at: number;
  readonly reason: string;
}

const deliveriesKept = 1_000;
const refusalsKept = 200;
const minute = 60_000;
const flushAfter = 5_000;
/** Addresses that are counted apart within one minute; the others share a row. */
const addressesApart = 20;
const mostCounts = 2_000;

const columns = `id, provider, delivery, event, repository, ref, commit_id AS "commit", address,
  received_at AS receivedAt, outcome, reason, look, revision, count`;

interface Row extends Omit<DeliveryRecord, 'look' | 'revision'> {
  readonly look: number | null;
  readonly revision: string | null;
}

/** Every write goes through `write`, which makes a transaction of it. */
export function createDeliveryLog(db: Database.Database, write: <T>(work: () => T) => T): DeliveryLog {
  const insert = db.prepare<Record<string, string | number>, Row>(
    `INSERT INTO deliveries
       (provider, delivery, event, repository, ref, commit_id, address, received_at, outcome, reason, count)
     VALUES ($provider, $delivery, $event, $repository, $ref, $commit, $address, $at, $outcome, $reason, $count)
     ON CONFLICT (provider, delivery) DO UPDATE SET count = count + excluded.count
     RETURNING ${columns}`,
  );
  const prune = db.prepare<[string, string, number]>(
    `DELETE FROM deliveries WHERE (outcome = 'refused') = (? = 'refused') AND id <= (
       SELECT id FROM deliveries WHERE (outcome = 'refused') = (? = 'refused')
       ORDER BY id DESC LIMIT 1 OFFSET ?)`,
  );
  const find = db.prepare<[string, string], { readonly id: number }>(
    `SELECT id FROM deliveries WHERE provider = ? AND delivery = ? AND outcome != 'refused'`,
  );
  const answer = db.prepare<[number, string | null, string, number]>(
    `UPDATE deliveries SET look = ?, revision = ?, reason = ?
     WHERE outcome = 'accepted' AND reason = '' AND id <= ?`,
  );
  const leave = db.prepare<[string]>(
    `UPDATE deliveries SET reason = ? WHERE outcome = 'accepted' AND reason = ''`,
  );
  const select = db.prepare<
    { before: number | null; provider: string | null; outcome: string | null; limit: number },
    Row
  >(
    `SELECT ${columns} FROM deliveries
     WHERE ($before IS NULL OR id < $before) AND ($provider IS NULL OR provider = $provider)
       AND ($outcome IS NULL OR outcome = $outcome)
     ORDER BY id DESC LIMIT $limit`,
  );

  const put = (row: Record<string, string | number>, outcome: DeliveryOutcome): DeliveryRecord => {
    const written = insert.get({ ...row, outcome });
    if (written === undefined) throw new Error('a delivery was written and is not there');
    if (written.count === row.count)
      prune.run(outcome, outcome, outcome === 'refused' ? refusalsKept : deliveriesKept);
    return toRecord(written);
  };
  const counts = new RefusalCounts((refusal, count) => {
    const { provider, address, at, reason } = refusal;
    const delivery = refusalName(refusal);
    const nothing = { event: '', repository: '', ref: '', commit: '' };
    put({ provider, delivery, ...nothing, address, at, reason, count }, 'refused');
  });
  const flush = (): void => {
    if (counts.isEmpty()) return;
    write(() => counts.writeAll());
    counts.clear();
  };
  /** For those who come for something else: on a full disk the counts stay in memory. */
  const tryFlush = (): void => {
    try {
      flush();
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error;
    }
  };

  return {
    add({ outcome, receivedAt, ...rest }) {
      return write(() => put({ ...rest, at: receivedAt, count: 1 }, outcome));
    },
    seen: (provider, delivery) => find.get(provider, delivery) !== undefined,
    refuse(refusal) {
      if (counts.add(refusal)) tryFlush();
    },
    resolved(upTo, { look, revision, error }) {
      const found = error ?? (revision === undefined ? 'nothing seen' : `revision ${revision}`);
      write(() => answer.run(look, revision ?? null, `look ${look}, ${found}`, upTo));
    },
    list({ limit, before = null, provider = null, outcome = null }) {
      tryFlush();
      return select.all({ before, provider, outcome, limit }).map(toRecord);
    },
    interrupt: () => void leave.run('the controller ended before its look; the next start looked'),
    end: tryFlush,
  };
}

function toRecord({ look, revision, ...row }: Row): DeliveryRecord {
  return { ...row, ...(look === null ? {} : { look }), ...(revision === null ? {} : { revision }) };
}

/** No forge's name for a delivery has a space in it. */
function refusalName({ address, at }: Refusal): string {
  return `refused ${address} ${new Date(at).toISOString().slice(0, 16)}Z`;
}

/** Refusals that are counted and not written yet; bounded in addresses, whatever comes. */
class RefusalCounts {
  readonly #write: (refusal: Refusal, count: number) => void;
  readonly #counts = new Map<string, { readonly refusal: Refusal; readonly count: number }>();
  /** By provider, those counted apart in the minute that is now. */
  readonly #addresses = new Map<string, Set<string>>();
  #minute = 0;
  #writtenAt = 0;

  constructor(write: (refusal: Refusal, count: number) => void) {
    this.#write = write;
  }

  isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  /** Whether it is time to write. */
  add(refusal: Refusal): boolean {
    const { at, provider } = refusal;
    if (Math.floor(at / minute) !== this.#minute) {
      this.#minute = Math.floor(at / minute);
      this.#addresses.clear();
      // Hours of a disk that takes nothing: what was counted then is not worth the memory.
      if (this.#counts.size > mostCounts) this.#counts.clear();
    }
    const known = this.#addresses.get(provider) ?? new Set();
    this.#addresses.set(provider, known);
    const isApart = known.has(refusal.address) || known.size < addressesApart;
    const counted = isApart ? refusal : { ...refusal, address: 'other addresses' };
    const isFirst = !known.has(counted.address);
    known.add(counted.address);
    const key = `${provider} ${refusalName(counted)}`;
    this.#counts.set(key, { refusal: counted, count: (this.#counts.get(key)?.count ?? 0) + 1 });
    // A clock that was set back must not silence it.
    const isDue = isFirst || Math.abs(at - this.#writtenAt) >= flushAfter;
    if (isDue) this.#writtenAt = at;
    return isDue;
  }

  writeAll(): void {
    for (const { refusal, count } of this.#counts.values()) this.#write(refusal, count);
  }

  clear(): void {
    this.#counts.clear();
  }
}
