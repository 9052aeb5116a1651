/** Reads SSH's binary form (RFC 4251): counts of four bytes, and strings that their length precedes. */
export class SshReader {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  /** Throws RangeError when fewer bytes are left. */
  bytes(length: number): Buffer {
    if (length > this.#rest.length)
      throw new RangeError(
        `expected ${String(length)} more bytes, got ${String(this.#rest.length)}`,
      );
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  byte(): number {
    return this.bytes(1).readUInt8();
  }

  uint32(): number {
    return this.bytes(4).readUInt32BE();
  }

  string(): Buffer {
    return this.bytes(this.uint32());
  }

  text(): string {
    return this.string().toString('utf8');
  }
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function sshString(content: Uint8Array): Buffer {
  return Buffer.concat([uint32(content.length), content]);
}
