/** The lines of a stream of JSON lines, as they come. A line over 1 MiB is no engine's. */
export async function* jsonLines(chunks: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    yield* lines.filter((line) => line.trim() !== '');
    if (text.length > 1_048_576) throw new Error('a line of over 1 MiB');
  }
  if (text.trim() !== '') yield text;
}
