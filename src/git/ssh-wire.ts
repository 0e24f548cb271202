/** What ends before it should, or goes on after it. */
export class SshWireError extends Error {
  override readonly name = 'SshWireError';
}

/** Reads the encoding of SSH (RFC 4251, section 5) from hostile bytes; throws SshWireError. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new SshWireError('it ends too early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  bytes(): Buffer {
    return this.take(this.uint32());
  }

  /** Names are ASCII; any other byte makes another name. */
  text(): string {
    return this.bytes().toString('latin1');
  }

  /** A number that is not negative, without leading zeros. */
  unsigned(): Buffer {
    const bytes = this.bytes();
    const [first = 0, second = 0] = bytes;
    if (first >= 0x80 || (bytes.length > 0 && first === 0 && second < 0x80))
      throw new SshWireError('it holds a number that is not written as it should be');
    return first === 0 ? bytes.subarray(1) : bytes;
  }

  /** Throws when something is left. */
  end(): void {
    if (this.#at < this.#bytes.length) throw new SshWireError('something follows it');
  }
}

export function sshUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function sshString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([sshUint32(bytes.length), bytes]);
}
