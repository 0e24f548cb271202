/**
 * Adds a HEAD to a list of refs that has none. The library looks for it whatever it is told to fetch, and cannot read
 * from a server whose HEAD names a branch that was never pushed. Only the list of protocol versions 0 and 1 holds refs:
 * https://git-scm.com/docs/http-protocol
 */
export function withHead(advertisement: Buffer): Buffer {
  const text = advertisement.toString('latin1');
  const first = /^001e# service=git-upload-pack\n0000[0-9a-f]{4}([0-9a-f]{40}) ([^\0\n]+)\0/.exec(text);
  const [, id, name] = first ?? [];
  // A list that has HEAD begins with it; of a repository without refs there is nothing to fetch.
  if (id === undefined || name === 'HEAD' || name === 'capabilities^{}' || !text.endsWith('0000'))
    return advertisement;
  return Buffer.from(`${text.slice(0, -4)}0032${id} HEAD\n0000`, 'latin1');
}
