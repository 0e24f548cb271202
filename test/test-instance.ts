import { randomBytes } from 'node:crypto';

/** What every instance of this run of the tests begins with; another run on the same engine has its own. */
const prefix = `test-${process.env.TEST_RUN ?? randomBytes(2).toString('hex')}-`;

/** A name for an instance of a test, used by nobody else. */
export function testInstance(what: string): string {
  return `${prefix}${what}-${randomBytes(3).toString('hex')}`;
}
