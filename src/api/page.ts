import type { Context } from 'hono';
import { showValue } from '../desired/shown-text.ts';
import { ProblemError } from './problem.ts';

/** One page of a list; `next` is the cursor of the following one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const usualLimit = 500;
const highestLimit = 1000;

/** The page that `?limit=` and `?cursor=` ask for, of items sorted by key. */
export function pageOf<T>(c: Context, items: readonly T[], keyOf: (item: T) => string): Page<T> {
  const cursor = c.req.query('cursor');
  const limit = limitOf(c);
  const rest = cursor === undefined ? items : items.filter((item) => keyOf(item) > cursor);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return { items: page, next: last !== undefined && rest.length > limit ? keyOf(last) : null };
}

export function limitOf(c: Context, usual = usualLimit): number {
  return Math.min(wholeNumber(c, 'limit', 1) ?? usual, highestLimit);
}

/** A query parameter that is a whole number of at least `least`; undefined when absent. */
export function wholeNumber(c: Context, name: string, least = 0): number | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  throw new ProblemError(
    400,
    'InvalidQuery',
    `${name} is ${showValue(text)}, expected a whole number of at least ${least}`,
  );
}

/** A query parameter that is on: `?follow=1`, `?follow=true` or `?follow`. */
export function isOn(c: Context, name: string): boolean {
  return ['', '1', 'true'].includes(c.req.query(name) ?? 'off');
}
