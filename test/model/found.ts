import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Schedule } from './schedule.ts';

interface Found extends Schedule {
  readonly name: string;
}

/** Schedules that once broke a rule, as short as they could be made; one in a line. */
export const found: readonly Found[] = readFileSync(join(import.meta.dirname, 'found.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Found);
