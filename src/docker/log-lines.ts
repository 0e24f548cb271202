export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

/** Longer lines are cut here, so that a container that never ends a line fills no memory. */
const mostLine = 16_384;

/**
 * Takes the engine's log stream apart into lines: frames of an 8-byte header (stream, length) and a payload.
 * A line may span frames, a frame may hold many lines, and a chunk ends anywhere.
 */
export async function* logLines(chunks: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<LogLine> {
  const parser = createLogParser();
  for await (const chunk of chunks) yield* parser.push(Buffer.from(chunk as Uint8Array));
  yield* parser.end();
}

interface LogParser {
  push(chunk: Buffer): LogLine[];
  end(): LogLine[];
}

export function createLogParser(): LogParser {
  let pending: Buffer = Buffer.alloc(0);
  const rest = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) } as Record<LogLine['stream'], Buffer>;

  const cut = (stream: LogLine['stream'], payload: Buffer): LogLine[] => {
    const lines: LogLine[] = [];
    let left = Buffer.concat([rest[stream], payload]);
    for (let at = endOfLine(left); at !== undefined; at = endOfLine(left)) {
      lines.push(lineOf(stream, left.subarray(0, at)));
      left = left.subarray(left[at] === newline ? at + 1 : at);
    }
    rest[stream] = left;
    return lines;
  };

  const push = (chunk: Buffer): LogLine[] => {
    const lines: LogLine[] = [];
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 8 && pending.length >= 8 + pending.readUInt32BE(4)) {
      const end = 8 + pending.readUInt32BE(4);
      lines.push(...cut(pending[0] === 2 ? 'stderr' : 'stdout', pending.subarray(8, end)));
      pending = pending.subarray(end);
    }
    return lines;
  };

  const end = (): LogLine[] =>
    (['stdout', 'stderr'] as const).flatMap((stream) =>
      rest[stream].length > 0 ? [lineOf(stream, rest[stream])] : [],
    );

  return { push, end };
}

const newline = 10;

function endOfLine(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(newline);
  if (at >= 0 && at <= mostLine) return at;
  return bytes.length > mostLine ? mostLine : undefined;
}

function lineOf(stream: LogLine['stream'], bytes: Buffer): LogLine {
  return { stream, line: bytes.toString('utf8').replace(/\r$/, '') };
}
