import type { Context } from 'hono';
import { didYouMean } from '../desired/did-you-mean.ts';
import { showValue } from '../desired/shown-text.ts';
import { parseDuration } from '../desired/units.ts';
import { ProblemError } from './problem.ts';

interface Values {
  text: string;
  flag: boolean;
  /** Milliseconds. */
  duration: number;
}

type Shape = Readonly<Record<string, keyof Values>>;
type Body<S extends Shape> = { readonly [K in keyof S]?: Values[S[K]] };

const longestText = 500;

/** A value of the field's kind, or what was expected instead. */
const readers: { readonly [K in keyof Values]: (value: unknown) => Values[K] | undefined } = {
  text: (value) =>
    typeof value === 'string' && value.trim() !== '' && value.length <= longestText ? value : undefined,
  flag: (value) => (typeof value === 'boolean' ? value : undefined),
  duration: (value) => (typeof value === 'string' ? parseDuration(value) : undefined),
};

const expectations = {
  text: `text of 1 to ${longestText} characters`,
  flag: 'true or false',
  duration: 'a duration such as "2h"',
} as const;

/** The request's JSON object with exactly these fields, none of them required; no body at all is an empty one. */
export async function readBody<S extends Shape>(c: Context, shape: S): Promise<Body<S>> {
  const value = parseObject(await c.req.text());
  const read = Object.entries(value).map(([name, given]) => [name, readField(shape, name, given)] as const);
  return Object.fromEntries(read) as Body<S>;
}

function parseObject(text: string): object {
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError(400, 'InvalidBody', 'the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ProblemError(400, 'InvalidBody', `the body is ${showValue(value)}, not a JSON object`);
  return value;
}

function readField(shape: Shape, name: string, given: unknown): unknown {
  const kind = Object.hasOwn(shape, name) ? shape[name] : undefined;
  if (kind === undefined) {
    const close = didYouMean(name, Object.keys(shape));
    throw new ProblemError(
      400,
      'UnknownField',
      `unknown field ${showValue(name)}`,
      close && `did you mean ${close}?`,
    );
  }
  const value = readers[kind](given);
  if (value !== undefined) return value;
  throw new ProblemError(
    400,
    'InvalidField',
    `field ${name} is ${showValue(given)}, expected ${expectations[kind]}`,
  );
}
