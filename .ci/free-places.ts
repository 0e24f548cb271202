import { BlockList, createServer } from 'node:net';
import Docker from 'dockerode';

/** The wanted port, or the next one above that nothing listens on. */
export async function freePort(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + 100; port += 1) if (await isFree(port)) return port;
  throw new Error(`no port is free from ${wanted} to ${wanted + 99}`);
}

/** The first of the subnets (IPv4, /24) that no network of the engine overlaps. */
export async function freeSubnet(wanted: readonly string[]): Promise<string> {
  const networks = await new Docker().listNetworks();
  const taken = networks.flatMap(({ IPAM }) => (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []));
  const free = wanted.find((subnet) => !taken.some((other) => overlap(subnet, other)));
  if (free === undefined) throw new Error(`networks of the engine overlap all of ${wanted.join(', ')}`);
  return free;
}

/** Caddy and the API listen on IPv4; what listens on both families also stands in the way. */
function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, () => server.close(() => resolve(true)));
  return promise;
}

function overlap(one: string, other: string): boolean {
  return contains(one, other) || contains(other, one);
}

/** Whether the first address of `inner` lies in `outer`: two blocks overlap only when one holds the other. */
function contains(outer: string, inner: string): boolean {
  const [address = '', bits = '32'] = outer.split('/');
  const [first = ''] = inner.split('/');
  if (address.includes(':') || first.includes(':')) return false;
  const block = new BlockList();
  block.addSubnet(address, Number(bits));
  return block.check(first);
}
