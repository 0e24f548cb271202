import { verifyOpenPgpSignature } from './openpgp-signature.ts';
import { type SignedObject, splitSignature } from './signed-object.ts';
import { readSigningKeys } from './signing-keys.ts';
import { verifySshSignature } from './ssh-signature.ts';
import type { Verification } from './verification.ts';

/** Tells whether one of the allowed keys signed an object. */
export interface Verifier {
  /**
   * Proves that the content is the one of the id and that an allowed key signed it; never throws for what it is given.
   * Of a tag it says nothing about what the tag names: `readTag` tells that, and a tag must be asked for under its own
   * name, or an old one could be passed off as a newer.
   */
  verify(object: SignedObject): Promise<Verification>;
}

/**
 * A verifier for these keys: texts of public SSH keys, one a line, and of armored OpenPGP keys.
 * Throws EdgeError (SourceInvalid) for a key that cannot be read, naming which.
 */
export async function createVerifier(keys: readonly string[]): Promise<Verifier> {
  const allowed = await readSigningKeys(keys);
  return {
    async verify(object) {
      const split = splitSignature(object);
      switch (split.kind) {
        case 'refused':
          return { ok: false, why: split.why };
        case 'ssh':
          return verifySshSignature(allowed.ssh, split.armor, split.payload);
        case 'openpgp':
          return verifyOpenPgpSignature(allowed.openpgp, split.armor, split.payload);
        default:
          return split satisfies never;
      }
    },
  };
}
