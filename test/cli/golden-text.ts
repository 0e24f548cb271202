import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'golden');

/** Compares with the kept text; `UPDATE_GOLDEN=1` keeps this one instead. */
export function isGolden(name: string, text: string): void {
  const path = join(folder, `${name}.txt`);
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
  }
  assert.fixture(text, readFileSync(path, 'utf8'));
}
