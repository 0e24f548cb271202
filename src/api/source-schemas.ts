import { list, object, orNull, pageOf, text, time, whole, word } from './schema.ts';

export const webhookProviders = ['github', 'gitlab', 'gitea', 'forgejo', 'bitbucket', 'generic'] as const;
export const outcomes = ['accepted', 'ignored', 'invalid', 'refused'] as const;

export const sourceSchemas = {
  SourceItem: object({
    name: text('As the configuration calls it.', { examples: ['default'] }),
    address: text('URL or folder, without credentials.'),
    path: text('The folder of it that is read.'),
    follows: text('What of it.', { examples: ['branch main'] }),
    tag: orNull(text('The tag that a range of versions led to.')),
    revision: orNull(text('What is enforced; null when it was never read.')),
    seen: orNull(text('The newest there.')),
    readAt: orNull(time('When it was last read whole.')),
    error: orNull(
      object({
        reason: text('PascalCase, for machines.'),
        message: text('Why what is enforced may not be the newest.'),
        since: orNull(time('When it began.')),
      }),
    ),
    verification: orNull(
      object({
        mode: word('What has to be signed.', ['head', 'tag']),
        keys: whole('How many keys may sign.'),
        by: orNull(text('Who signed what is enforced.')),
        refused: orNull(
          object({ revision: text('The newest, which is not enforced.'), why: text('For people.') }),
        ),
      }),
    ),
    nonFastForward: orNull(
      object({
        from: text('What its branch was at.'),
        to: text('What it was rewritten to.'),
        at: orNull(time('When that was seen.')),
      }),
    ),
    omitted: list(
      'The first entries that are not read, such as links and submodules.',
      object({ path: text('In the source.'), why: text('For people.') }),
    ),
  }),
  SourcePage: pageOf('SourceItem'),
  DeliveryItem: object({
    id: whole('Rises.'),
    provider: text('Of the hook.', { examples: ['github'] }),
    delivery: text('As the forge calls it.'),
    event: text('As the forge calls it.', { examples: ['push'] }),
    repository: text('Host and path; empty when nothing is said.'),
    ref: text('Branch or tag.'),
    commit: text('Full commit id.'),
    address: text('Where it came from.'),
    receivedAt: orNull(time('When it came first.')),
    outcome: word('What became of it.', outcomes),
    reason: text('Why, for people.'),
    look: orNull(whole('The look that saw what it announced.')),
    revision: orNull(text('What that look found in git.')),
    count: whole('How often it came; of refused ones those of one address and minute.', { minimum: 1 }),
  }),
  DeliveryPage: pageOf('DeliveryItem'),
};
