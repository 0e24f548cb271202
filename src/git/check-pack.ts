import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inflate, inflateSync } from 'node:zlib';

/** An honest pack of text unpacks to less than so many times its limit. */
const growth = 8;
/** Below it unpacking at once is cheaper than by way of the thread pool. */
const small = 64 * 1024;
/** Objects between two turns for others. */
const stride = 200;

/**
 * Unpacks every object of a pack within bounds, and keeps none: who reads it afterwards unpacks without any. `limit`
 * is the pack's own in bytes. Format: https://git-scm.com/docs/pack-format
 */
export async function checkPack(
  pack: Buffer,
  limit: number,
  tooLarge: (what: string) => Error,
): Promise<void> {
  if (pack.length < 32 || pack.toString('latin1', 0, 4) !== 'PACK') throw damaged();
  let at = 12;
  let total = 0;
  for (let left = pack.readUInt32BE(8), done = 0; left > 0; left -= 1, done += 1) {
    const head = objectHead(pack, at);
    if (head.size > limit) throw tooLarge('one object in it');
    const { content, consumed } = await unpacked(pack.subarray(head.body, -20), head.size);
    if (head.isDelta && deltaResult(content) > limit) throw tooLarge('one object in it');
    total += head.isDelta ? deltaResult(content) : head.size;
    if (total > growth * limit) throw tooLarge('what it unpacks to');
    at = head.body + consumed;
    if (done % stride === stride - 1) await turn();
  }
  if (at !== pack.length - 20) throw damaged();
}

/** The pack in an answer of upload-pack: what its packets on band 1 hold; undefined when there is none. */
export function packOf(answer: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at + 4 <= answer.length; ) {
    const length = Number.parseInt(answer.toString('latin1', at, at + 4), 16);
    if (!(length >= 0)) break;
    if (length > 4 && answer[at + 4] === 1) parts.push(answer.subarray(at + 5, at + length));
    at += Math.max(length, 4);
  }
  return parts.length === 0 ? undefined : Buffer.concat(parts);
}

interface ObjectHead {
  /** Of the object, or of the delta. */
  readonly size: number;
  readonly isDelta: boolean;
  /** Where its packed bytes begin. */
  readonly body: number;
}

const offsetDelta = 6;
const idDelta = 7;

function objectHead(pack: Buffer, start: number): ObjectHead {
  const first = pack[start];
  if (first === undefined) throw damaged();
  const kind = (first >> 4) & 7;
  let size = first & 15;
  let at = start + 1;
  let weight = 16;
  for (let byte = first; byte >= 128; weight *= 128) {
    byte = byteAt(pack, at);
    size += (byte & 127) * weight;
    at += 1;
  }
  if (kind === idDelta) at += 20;
  if (kind === offsetDelta) {
    while (byteAt(pack, at) >= 128) at += 1;
    at += 1;
  }
  return { size, isDelta: kind === offsetDelta || kind === idDelta, body: at };
}

/** A delta begins with the size that it starts from and the one that it makes. */
function deltaResult(delta: Buffer): number {
  let at = 0;
  while (byteAt(delta, at) >= 128) at += 1;
  at += 1;
  let size = 0;
  for (let weight = 1; ; weight *= 128) {
    const byte = byteAt(delta, at);
    size += (byte & 127) * weight;
    at += 1;
    if (byte < 128) return size;
  }
}

async function unpacked(bytes: Buffer, size: number): Promise<{ content: Buffer; consumed: number }> {
  const options = { maxOutputLength: Math.max(size, 1), info: true };
  const result: unknown = await (size <= small
    ? inflateSync(bytes, options)
    : promisify<Buffer, object, unknown>(inflate)(bytes, options));
  const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
  if (buffer.length !== size) throw damaged();
  return { content: buffer, consumed: engine.bytesWritten };
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined || at > bytes.length) throw damaged();
  return byte;
}

function damaged(): Error {
  return new Error('the pack is damaged');
}
