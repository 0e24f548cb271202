import { EdgeError } from '../apply/ports.ts';
import { showValue } from '../desired/shown-text.ts';

/** Which values of a file are encrypted; SOPS has one of these in each file. */
export interface SopsRule {
  readonly kind: 'encrypted_regex' | 'unencrypted_regex' | 'encrypted_suffix' | 'unencrypted_suffix';
  readonly text: string;
  /** By the keys that lead to a value. */
  readonly isEncrypted: (path: readonly string[]) => boolean;
}

const kinds = ['encrypted_regex', 'unencrypted_regex', 'encrypted_suffix', 'unencrypted_suffix'] as const;
const unknownKinds = ['encrypted_comment_regex', 'unencrypted_comment_regex'] as const;

/** What `plimsoll secret encrypt` writes: the values, and nothing that plimsoll has to read without a key. */
export const dataRule: SopsRule = createRule('encrypted_regex', '^(data)$');

/** From the fields of `sops`, or of a creation rule; undefined where there is none of them. */
export function readRule(fields: Readonly<Record<string, unknown>>): SopsRule | undefined {
  const comments = unknownKinds.find((kind) => isGiven(fields[kind]));
  if (comments !== undefined) throw unusable(`${comments} is not supported`);
  const given = kinds.filter((kind) => isGiven(fields[kind]));
  const [kind, other] = given;
  if (kind === undefined) return undefined;
  if (other !== undefined) throw unusable(`it has both ${kind} and ${other}`);
  const text = fields[kind];
  if (typeof text !== 'string') throw unusable(`${kind} is no text`);
  return createRule(kind, text);
}

/** The rule of a file that names none. */
export const defaultRule: SopsRule = createRule('unencrypted_suffix', '_unencrypted');

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function createRule(kind: SopsRule['kind'], text: string): SopsRule {
  const isMatch = kind.endsWith('_regex') ? remember(goRegExp(text)) : (key: string) => key.endsWith(text);
  const isNegative = kind.startsWith('unencrypted');
  return { kind, text, isEncrypted: (path) => path.some(isMatch) !== isNegative };
}

function remember(pattern: RegExp): (key: string) => boolean {
  const known = new Map<string, boolean>();
  return (key) => {
    const answer = known.get(key) ?? pattern.test(key);
    known.set(key, answer);
    return answer;
  };
}

/**
 * A pattern of Go's as one of JavaScript's. It may come from anybody who can write to the repository, and this
 * engine tries every way: so nothing is repeated that has repetitions inside, and few things are repeated.
 */
export function goRegExp(text: string, repetitions = 2): RegExp {
  const [, flags = '', body = ''] = /^(?:\(\?([imsU]+)\))?(.*)$/s.exec(text) ?? [];
  const bare = body.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]/gs, 'x');
  const repeated = [...bare.matchAll(/[*+]|\{\d+(?:,\d*)?\}/g)].length;
  if (text.length > 500 || /\)[*+{]/.test(bare) || repeated > repetitions || flags.includes('U'))
    throw unusable(`the pattern ${showValue(text)} is more than is supported`);
  try {
    return new RegExp(body, flags);
  } catch {
    throw unusable(`the pattern ${showValue(text)} cannot be read`);
  }
}

function unusable(why: string): EdgeError {
  return new EdgeError('terminal', 'Unsupported', why);
}
