import { loadAge } from './load-age.ts';

/** A new identity as `age-keygen` writes one. */
export async function generateIdentity(
  now: Date,
): Promise<{ readonly recipient: string; readonly text: string }> {
  const { generateX25519Identity, identityToRecipient } = await loadAge();
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const created = `${now.toISOString().slice(0, 19)}Z`;
  return { recipient, text: `# created: ${created}\n# public key: ${recipient}\n${identity}\n` };
}
