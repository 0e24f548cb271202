/** The bytes of a request; `TooLarge` as soon as there are more of them, by our own count, and the rest is left unread. */
export async function readRawBody(request: Request, most: number): Promise<Buffer | 'TooLarge' | 'Aborted'> {
  // What it says of itself can only refuse it, never let it in.
  if (Number(request.headers.get('content-length') ?? 0) > most) return 'TooLarge';
  if (request.body === null) return Buffer.alloc(0);
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return Buffer.concat(chunks, size);
      size += value.length;
      // Not cancelled: that would end the connection before our answer.
      if (size > most) return 'TooLarge';
      chunks.push(value);
    }
  } catch {
    // The sender went away, or took longer than the server lets it.
    return 'Aborted';
  } finally {
    reader.releaseLock();
  }
}
