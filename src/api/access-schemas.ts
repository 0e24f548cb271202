import { scopes } from './operation.ts';
import { list, named, object, orNull, pageOf, text, time, whole, word } from './schema.ts';

const scopeList = list('What it may do.', word('A scope.', scopes));

const tokenFields = {
  name: text('For people; unique.', { examples: ['ci'] }),
  scopes: scopeList,
  project: orNull(text('Only apps of this project.')),
  selector: orNull(text('Only apps with these labels.')),
  createdBy: text('Who made it; `plimsoll.yaml` for a declared one.'),
  createdAt: orNull(time('When it was made.')),
  expires: orNull(time('When it ends.')),
  lastUsed: orNull(time('To the minute.')),
  revoked: orNull(time('When it was revoked.')),
};

export const accessSchemas = {
  WhoAmI: object({
    actor: text('As the audit log calls you.'),
    via: word('How you came.', ['socket', 'tcp']),
    scopes: scopeList,
    project: orNull(text('Only apps of this project.')),
    selector: orNull(text('Only apps with these labels.')),
    expires: orNull(time('When your token ends.')),
  }),
  TokenItem: object(tokenFields),
  TokenPage: pageOf('TokenItem'),
  TokenMade: object({
    ...tokenFields,
    token: text('The token itself: it is shown this once.', { examples: ['plt_…'] }),
  }),
  AuditItem: object({
    id: whole('Rises.'),
    at: orNull(time('When, or when last.')),
    actor: text('Name of a token, or of a user of the socket.'),
    via: word('How they came.', ['socket', 'tcp']),
    address: text('Empty on the socket.'),
    verb: text('What they wanted.', { examples: ['suspend'] }),
    object: text('Of what.', { examples: ['shop'] }),
    outcome: word('What came of it.', ['done', 'refused', 'failed']),
    detail: text('Code and message of the problem.'),
    requestId: text('Also in the answer and in the log; of the first one when counted.'),
    count: whole('Refusals of one kind are counted up.', { minimum: 1 }),
  }),
  AuditPage: pageOf('AuditItem'),
  Problem: {
    ...object(
      {
        type: text('Always `about:blank`.'),
        title: text('Of the status.'),
        status: { type: 'integer', minimum: 400, maximum: 599, description: 'As the status line says.' },
        detail: text('One sentence for people.'),
        code: text('PascalCase, stable, for machines.', { examples: ['UnknownApp'] }),
        hint: text('What to do about it.'),
        requestId: text('To find it in the log.'),
      },
      ['hint'],
    ),
    description: 'RFC 9457',
    examples: [
      {
        type: 'about:blank',
        title: 'Not Found',
        status: 404,
        detail: 'no app "shpo" in git or on this host',
        code: 'UnknownApp',
        hint: 'did you mean shop?',
        requestId: '0b8f4c1e-6c1d-4a55-9a86-8d4f6f0f2a11',
      },
    ],
  },
};

export const problem = named('Problem');
