import { createHash } from 'node:crypto';
import { encodeBase64, hashSync } from 'bcryptjs';

const cost = 10;

/**
 * A bcrypt hash that is the same in every process: its salt follows from the version, so that a route table with it
 * is compared and found equal. Only the first 72 bytes of a password count, as everywhere with bcrypt.
 */
export function passwordHash(value: string, version: string, key: string): string {
  if (/^\$2[aby]\$\d{2}\$[./A-Za-z0-9]{53}$/.test(value)) return value;
  const salt = createHash('sha256').update(`bcrypt\0${version}\0${key}`).digest().subarray(0, 16);
  return hashSync(value, `$2b$${cost}$${encodeBase64([...salt], salt.length)}`);
}
