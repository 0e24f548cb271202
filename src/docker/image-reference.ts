/**
 * A reference as it may stand in a path of the engine's API: `[host[:port]/]name[:tag][@digest]` or an image id.
 * A name without tag or digest gets `:latest`: bare, a pull would mean every tag, and a look-up any image whose
 * id begins so. Anything else is `undefined`.
 */
export function imageReference(text: string): string | undefined {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return text;
  const match = pattern.exec(text);
  if (!match || text.length > 512) return undefined;
  return match[1] === undefined && match[2] === undefined ? `${text}:latest` : text;
}

const host = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?`;
const part = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const tag = ':[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const digest = '@sha256:[0-9a-f]{64}';
const pattern = new RegExp(`^(?:${host}/)?${part}(?:/${part})*(${tag})?(${digest})?$`);
