import { shorten, showValue } from '../desired/shown-text.ts';
import { type OpenPgpKey, readOpenPgpKeys } from './openpgp-signature.ts';
import { plainReason, sourceInvalid } from './source-error.ts';
import { readSshPublicKey, type SshPublicKey } from './ssh-public-key.ts';

/** Who may sign. */
export interface SigningKeys {
  readonly ssh: readonly SshPublicKey[];
  readonly openpgp: readonly OpenPgpKey[];
}

const maxText = 1024 * 1024;

/**
 * Reads texts with public SSH keys, one a line, and armored OpenPGP keys, mixed; empty lines and such that begin with
 * `#` are passed over. Throws EdgeError (SourceInvalid) that names the text and the line.
 */
export async function readSigningKeys(texts: readonly string[]): Promise<SigningKeys> {
  if (texts.length === 0) throw sourceInvalid('read signing keys', 'none is given, so nobody could sign');
  const ssh: SshPublicKey[] = [];
  const openpgp: OpenPgpKey[] = [];
  for (const [index, text] of texts.entries()) {
    const pieces = piecesOf(text, index);
    if (pieces.length === 0) throw invalid(index, undefined, 'it holds no key');
    for (const piece of pieces) {
      try {
        if (piece.kind === 'line') ssh.push(readSshPublicKey(piece.text));
        else openpgp.push(...(await readOpenPgpKeys(piece.text)));
      } catch (error) {
        throw invalid(index, piece, plainReason(error));
      }
    }
  }
  return { ssh, openpgp };
}

interface Piece {
  readonly kind: 'line' | 'block';
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

const blockBegin = '-----BEGIN PGP PUBLIC KEY BLOCK-----';
const blockEnd = '-----END PGP PUBLIC KEY BLOCK-----';

function piecesOf(text: string, index: number): readonly Piece[] {
  if (text.length > maxText) throw invalid(index, undefined, 'it is larger than 1 MiB');
  const pieces: Piece[] = [];
  let block: { readonly line: number; readonly lines: string[] } | undefined;
  for (const [at, whole] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = whole.trim();
    if (block !== undefined) {
      block.lines.push(line);
      if (line !== blockEnd) continue;
      pieces.push({ kind: 'block', line: block.line, text: `${block.lines.join('\n')}\n` });
      block = undefined;
    } else if (line === blockBegin) {
      block = { line: at + 1, lines: [line] };
    } else if (line !== '' && !line.startsWith('#')) {
      pieces.push(toLine(line, at + 1, index));
    }
  }
  if (block !== undefined)
    throw invalid(index, { line: block.line, text: blockBegin }, 'its last line is missing');
  return pieces;
}

/** Other kinds of blocks are told by name, so that nothing of a private key gets into a message. */
function toLine(text: string, line: number, index: number): Piece {
  if (/^-{4,5} ?BEGIN .*PRIVATE KEY/.test(text))
    throw invalid(index, { line, text }, 'it is a private key: give the public half');
  if (/^-{4,5} ?BEGIN /.test(text))
    throw invalid(
      index,
      { line, text },
      'write it as one line: "ssh-keygen -i -f FILE" does (-m PKCS8 for a PEM file)',
    );
  return { kind: 'line', text, line };
}

function invalid(index: number, at: Pick<Piece, 'line' | 'text'> | undefined, why: string): Error {
  const place =
    at === undefined ? '' : `, line ${at.line} (${showValue(shorten(at.text.split('\n')[0] ?? '', 24))})`;
  return sourceInvalid('read signing keys', `key ${index + 1}${place}: ${why}`);
}
