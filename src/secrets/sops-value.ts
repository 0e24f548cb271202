import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** What a value was before it was encrypted; `comment` is a comment of the file. */
export type SopsType = 'str' | 'int' | 'float' | 'bool' | 'bytes' | 'time' | 'comment';

/** `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`, taken apart. */
export interface SopsValue {
  readonly data: Buffer;
  readonly iv: Buffer;
  readonly tag: Buffer;
  readonly type: SopsType;
}

const algorithm = 'aes-256-gcm';
/** What SOPS uses, https://github.com/getsops/sops: not the 12 bytes that are usual. */
const ivLength = 32;
/** A shorter tag is easier to guess, and node takes it unless told not to. */
const tagLength = 16;
const form =
  /^ENC\[AES256_GCM,data:([A-Za-z0-9+/]+={0,2}),iv:([A-Za-z0-9+/]+={0,2}),tag:([A-Za-z0-9+/]+={0,2}),type:(str|int|float|bool|bytes|time|comment)\]$/;

/** Undefined when it is no encrypted value; only the one spelling of its bytes is taken. */
export function parseSopsValue(text: string): SopsValue | undefined {
  const [, data, iv, tag, type] = form.exec(text) ?? [];
  const [dataBytes, ivBytes, tagBytes] = [data, iv, tag].map(fromBase64);
  if (!dataBytes || !ivBytes || !tagBytes || type === undefined) return undefined;
  if (tagBytes.length !== tagLength || ivBytes.length < 12 || ivBytes.length > 64) return undefined;
  return { data: dataBytes, iv: ivBytes, tag: tagBytes, type: type as SopsType };
}

/** Whether somebody meant it to be an encrypted value. */
export function looksEncrypted(text: string): boolean {
  return text.startsWith('ENC[');
}

function fromBase64(text: string | undefined): Buffer | undefined {
  const bytes = Buffer.from(text ?? '', 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** Undefined when it was not encrypted by this key for this place, or was changed since. */
export function openSopsValue(value: SopsValue, key: Uint8Array, place: string): Buffer | undefined {
  const decipher = createDecipheriv(algorithm, key, value.iv, { authTagLength: tagLength });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(value.tag);
  try {
    return Buffer.concat([decipher.update(value.data), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** SOPS leaves what is empty as it is. */
export function sealSopsValue(
  plain: string | Uint8Array,
  type: SopsType,
  key: Uint8Array,
  place: string,
): string {
  if (plain.length === 0) return '';
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagLength });
  cipher.setAAD(Buffer.from(place));
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  const [encoded, nonce, tag] = [data, iv, cipher.getAuthTag()].map((bytes) => bytes.toString('base64'));
  return `ENC[AES256_GCM,data:${encoded},iv:${nonce},tag:${tag},type:${type}]`;
}

/** What binds a value to its place: the keys that lead to it. Positions in lists are not part of it. */
export function placeOf(path: readonly string[]): string {
  return `${path.join(':')}:`;
}
