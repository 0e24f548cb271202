import { createHmac, randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface HookSettings {
  /** The endpoint of the controller. */
  readonly target: string;
  readonly secret: string;
  /** The repository's addresses, as the forge calls them in what it posts. */
  readonly url: string;
  readonly sshUrl?: string;
  /** A file that gets one `Answer` a line. */
  readonly answers: string;
}

/** What came of one webhook. */
export interface Answer {
  readonly ref: string;
  /** 0 when nobody answered. */
  readonly status: number;
  readonly body: string;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** From now on every push to this bare repository is posted, signed as GitHub does. */
export function installPostReceive(repository: string, settings: HookSettings): void {
  const file = join(repository, 'hooks', 'post-receive');
  mkdirSync(join(repository, 'hooks'), { recursive: true });
  // Written anew: of a file that is there already the mode would stay, and a secret is in it.
  rmSync(file, { force: true });
  const self = JSON.stringify(pathToFileURL(import.meta.filename));
  const call = `import(${self}).then(({ postReceive }) => postReceive(${JSON.stringify(settings)}));`;
  writeFileSync(file, `#!${process.execPath}\n${call}\n`, { mode: 0o700 });
}

/** The hook itself, run by git: `old new ref` for each ref on its standard input. What it prints, the person who pushes sees. */
export async function postReceive({ target, secret, answers, ...urls }: HookSettings): Promise<void> {
  for (const line of readFileSync(0, 'utf8').trim().split('\n')) {
    const [before = '', after = '', ref = ''] = line.split(' ');
    const body = JSON.stringify(payload({ before, after, ref, ...urls }));
    const sentAt = Date.now();
    const { status, text } = await post(target, { secret, body });
    const answer: Answer = { ref, status, body: text, sentAt, answeredAt: Date.now() };
    appendFileSync(answers, `${JSON.stringify(answer)}\n`);
    process.stdout.write(`webhook for ${ref}: ${status} ${text}\n`);
  }
}

interface Pushed {
  readonly before: string;
  readonly after: string;
  readonly ref: string;
  readonly url: string;
  readonly sshUrl?: string;
}

function payload({ before, after, ref, url, sshUrl = url }: Pushed): object {
  return {
    ref,
    before,
    after,
    created: /^0+$/.test(before),
    deleted: /^0+$/.test(after),
    repository: {
      full_name: 'acme/config',
      clone_url: url,
      ssh_url: sshUrl,
      html_url: url.replace(/\.git$/, ''),
    },
    head_commit: { id: after },
    commits: [],
  };
}

async function post(
  target: string,
  { secret, body }: { readonly secret: string; readonly body: string },
): Promise<{ readonly status: number; readonly text: string }> {
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/test',
    'x-github-event': 'push',
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
  try {
    const response = await fetch(target, { method: 'POST', headers, body });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    return { status: 0, text: String(error) };
  }
}
