import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { git, plimsoll, show, startProgram } from './demo-commands.ts';
import { type DemoPorts, forgeUser, place } from './demo-place.ts';
import { installPostReceive } from './post-receive.ts';

const bare = join(place.repositories, 'config.git');
const clone = relative(place.project, place.config);
const sealed = join(place.config, 'secrets', 'shop', 'app.yaml');
/** `shop` as the example has it, and what it gets besides. */
const manifest = join(place.config, 'shop', 'app.yaml');
const passwordLine = '    PASSWORD: { secret: shop/PASSWORD }\n';

/** A git server with one empty repository. It asks for a token, which git finds where the clone's settings say. */
export async function startForge({ forge }: DemoPorts): Promise<void> {
  const token = newSecret();
  await writePrivate(place.forgeToken, token);
  await writePrivate(place.hookSecret, newSecret());
  await mkdir(bare, { recursive: true });
  await git(bare, 'init', '--quiet', '--bare', '--initial-branch=main');
  await git(bare, 'config', 'http.receivepack', 'true');
  await mkdir(place.config);
  await git(place.config, 'init', '--quiet', '--initial-branch=main');
  await git(place.config, 'remote', 'add', 'origin', `http://127.0.0.1:${forge}/config.git`);
  const logins = join(place.root, 'git-credentials');
  await writePrivate(logins, `http://${forgeUser}:${token}@127.0.0.1:${forge}`);
  await git(place.config, 'config', 'credential.helper', `store --file="${logins}"`);
  // On this machine there is nothing between us and the forge, whatever the environment says.
  await git(place.config, 'config', 'http.proxy', '');
  const server = join(import.meta.dirname, 'demo-forge.ts');
  const args = [server, place.repositories, String(forge), forgeUser, place.forgeToken];
  await startProgram('forge', args, join(place.root, 'forge.log'));
}

export async function forgeAnswers({ forge }: DemoPorts): Promise<boolean> {
  const asked = fetch(`http://127.0.0.1:${forge}/`, { signal: AbortSignal.timeout(3000) });
  return (await asked.catch(() => undefined))?.status === 401;
}

/** Three apps, of which the shop takes a password that only the identity's owner can read. */
export async function pushFirstCommit(): Promise<void> {
  await cp(join(place.project, 'examples', 'demo'), place.config, { recursive: true });
  const text = await readFile(manifest, 'utf8');
  await writeFile(
    manifest,
    text.replace('    APP: shop\n', (line) => line + passwordLine),
  );
  await git(place.config, 'add', '--all');
  await commit('three apps: shop, api, and report, which is stopped; the shop has a password');
  await show('git', ['-C', clone, 'log', '--oneline', '--stat', '--format=%h %s']);
  await show('git', ['-C', clone, 'push', '--quiet', '--set-upstream', 'origin', 'main']);
}

/** From now on the forge tells the controller of every push. */
export function hookUp({ forge, api }: DemoPorts, secret: string): void {
  installPostReceive(bare, {
    target: `http://127.0.0.1:${api}/webhooks/github`,
    secret,
    url: `http://127.0.0.1:${forge}/config.git`,
    answers: join(place.root, 'webhook-answers'),
  });
}

/** Release 2 and another password, on a branch that nobody follows. */
export async function pushBranch(): Promise<string> {
  await git(place.config, 'switch', '--quiet', '--create', 'release-2');
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replace('plimsoll-demo/web:1', 'plimsoll-demo/web:2'));
  const password = await sealPassword();
  await commit('shop: release 2, and a new password');
  await git(place.config, 'switch', '--quiet', 'main');
  await show('git', ['-C', clone, 'diff', '--unified=1', 'main', 'release-2', '--', 'shop']);
  await show('git', ['-C', clone, 'push', '--quiet', 'origin', 'release-2']);
  return password;
}

/** The branch becomes what is followed. */
export async function pushToMain(): Promise<void> {
  await git(place.config, 'merge', '--quiet', '--ff-only', 'release-2');
  await show('git', ['-C', clone, 'push', '--quiet', 'origin', 'main']);
}

/** Writes a new password into the clone, encrypted in its place, and answers with it. */
export async function sealPassword(): Promise<string> {
  const password = newSecret();
  await mkdir(join(sealed, '..'), { recursive: true });
  const plain = ['apiVersion: plimsoll/v1', 'kind: Secret', 'metadata:', '  name: shop', 'data:'];
  await writeFile(sealed, [...plain, `  PASSWORD: ${password}`, ''].join('\n'), { mode: 0o600 });
  await plimsoll(['secret', 'encrypt', '--in-place', relative(place.project, sealed)]);
  return password;
}

/** The line of the file that holds the password. */
export async function showSealed(): Promise<void> {
  await show('grep', ['PASSWORD', relative(place.project, sealed)]);
}

/** What the shop's page says of its password. */
export function fingerprint(password: string): string {
  return createHash('sha256').update(password).digest('hex').slice(0, 8);
}

async function commit(message: string): Promise<void> {
  await git(place.config, 'add', '--all');
  await git(place.config, 'commit', '--quiet', '--message', message);
}

async function writePrivate(file: string, text: string): Promise<void> {
  await writeFile(file, `${text}\n`, { mode: 0o600 });
}

/** Of letters and digits alone, so that it is a plain text in YAML and in a URL; the first is a letter. */
function newSecret(): string {
  return `p${randomBytes(16).toString('hex')}`;
}
