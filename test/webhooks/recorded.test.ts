import { createRequire } from 'node:module';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FollowedSource } from '../../src/webhooks/concerned-sources.ts';
import { createRoom } from './a-room.ts';
import { signed } from './signing.ts';

const test = suite("webhooks: GitHub's recorded payloads");

interface Recorded {
  readonly name: string;
  readonly examples: readonly {
    readonly ref?: string;
    readonly repository?: { readonly clone_url?: string };
  }[];
}

const load = createRequire(import.meta.url);
const editions = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35'];

/** The repository of the examples, at GitHub and on a server of GitHub's, followed by branch and by tag. */
const followed: readonly FollowedSource[] = ['github.com', 'octocoders.github.io'].flatMap((host) => [
  {
    name: `${host} branch`,
    address: `git@${host}:codertocat/hello-world.git`,
    follows: { branch: 'master' },
  },
  { name: `${host} tags`, address: `https://${host}/Codertocat/Hello-World`, follows: { semver: '*' } },
]);

for (const edition of editions) {
  test(`${edition}: pushes that concern a source are accepted, all others are ignored`, async () => {
    const recorded = load(
      `../../node_modules/@octokit/webhooks-examples/${edition}/index.json`,
    ) as readonly Recorded[];
    const said: Record<string, number> = { accepted: 0, ignored: 0 };
    const room = createRoom({ sources: () => followed });
    let count = 0;
    for (const { name, examples } of recorded)
      for (const example of examples) {
        count += 1;
        const body = JSON.stringify(example);
        const headers = {
          ...signed.github(body, name, `${name}-${count}`),
          'content-type': 'application/json',
        };
        const response = await room.hooks.request('/webhooks/github', { method: 'POST', headers, body });
        const { status } = (await response.json()) as { readonly status: string };
        const wanted = name === 'push' && isFollowed(example) ? 'accepted' : 'ignored';
        assert.equal([response.status, status], [202, wanted], `${name} ${example.ref ?? ''}`);
        said[status] = (said[status] ?? 0) + 1;
      }
    assert.ok(count > 40, `${count} examples`);
    assert.ok((said.accepted ?? 0) > 0, 'no push was accepted');
    assert.is(room.history.deliveries.list({ limit: 5_000 }).length, count);
    room.history.close();
  });
}

/** Told by other means than those under test. */
function isFollowed({ ref = '', repository }: Recorded['examples'][number]): boolean {
  const isOurs = /^https:\/\/(github\.com|octocoders\.github\.io)\/Codertocat\/Hello-World\.git$/;
  return isOurs.test(repository?.clone_url ?? '') && /^refs\/(heads\/master$|tags\/)/.test(ref);
}

test.run();
