import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import { openHistory } from '../../src/history/history.ts';
import { lockState, type StateLock } from '../../src/history/state-lock.ts';
import { explainError } from '../../src/main.ts';
import { splitFiles, testCorpus } from '../corpus-file.ts';

const time = Date.UTC(2025, 10, 21, 12, 49);

// A case says what was done to the state directory of a controller that had run; then one starts on it.
testCorpus(new URL('../corpus/state/', import.meta.url), ({ lines }) => {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-corpus-'));
  const stateDir = join(folder, 'state');
  const held: { close(): void }[] = [];
  try {
    const { head = '', ...files } = splitFiles(lines, 'head');
    const acts = new TextDecoder().decode(Buffer.from(head)).trim().split('\n');
    if (!acts.includes('never ran')) run(stateDir);
    for (const act of acts) perform(act, stateDir, held);
    for (const [path, content] of Object.entries(files)) writeFileSync(join(stateDir, path), content);
    return [...start(stateDir), ...listed(stateDir)].map((line) =>
      line
        .replaceAll(folder, 'FOLDER')
        .replaceAll(String(process.pid), 'PID')
        .replaceAll(/\([0-9a-f]{8}\)/g, '(ID)'),
    );
  } finally {
    for (const one of held) one.close();
    rmSync(folder, { recursive: true });
  }
});

function run(stateDir: string): void {
  const history = openHistory({ path: join(stateDir, 'history.db'), now: () => time });
  history.event({ at: 1, app: 'shop', type: 'Looked', reason: 'Ran', message: 'it ran' });
  history.close();
}

function perform(act: string, stateDir: string, held: { close(): void }[]): void {
  const [verb = '', name = '', value = ''] = act.split(' ');
  const path = join(stateDir, name);
  if (verb === 'remove') rmSync(path, { recursive: true });
  if (verb === 'mode') chmodSync(path, Number.parseInt(value, 8));
  if (verb === 'folder') mkdirSync(path, { recursive: true });
  if (verb === 'link') symlinkSync(value, path);
  if (verb === 'cut') truncateSync(path, Number(value));
  if (verb === 'spoil') spoil(path, Number(value));
  if (verb === 'version') setVersion(path, Number(value));
  if (verb === 'sql') setVersion(path, undefined, act.slice('sql history.db '.length));
  if (verb === 'locked') {
    const lock = lockState(stateDir);
    held.push({ close: () => lock.release() });
  }
}

/** From this byte on nothing is as it was. */
function spoil(path: string, from: number): void {
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0x5a, from));
}

function setVersion(
  path: string,
  version: number | undefined,
  sql = `PRAGMA user_version = ${version}`,
): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

function start(stateDir: string): readonly string[] {
  let lock: StateLock | undefined;
  try {
    lock = lockState(stateDir);
    const history = openHistory({ path: join(stateDir, 'history.db'), now: () => time });
    const events = history.events({ limit: 10 }).map(({ type, message }) => `${type}: ${message}`);
    history.close();
    return ['started', ...events];
  } catch (error) {
    const { code, text } = explainError(error);
    return [...text.trimEnd().split('\n'), `exit ${code}`];
  } finally {
    lock?.release();
  }
}

/** What lies there afterwards, and who may read it. */
function listed(stateDir: string): readonly string[] {
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  if (!existsSync(stateDir) || !statSync(stateDir).isDirectory()) return [];
  const names = readdirSync(stateDir).filter((name) => existsSync(join(stateDir, name)));
  return [`. ${mode(stateDir)}`, ...names.sort().map((name) => `${name} ${mode(join(stateDir, name))}`)];
}

test.run();
