/** Writes tars byte by byte: libraries refuse to write what an attacker does. */

export interface RawTarEntry {
  readonly name: string | Uint8Array;
  /** The type flag; `0` is a file. */
  readonly type?: string;
  readonly mode?: number;
  readonly linkname?: string;
  readonly body?: string | Uint8Array;
  /** Bytes that the header states; undefined: the body's. */
  readonly size?: number;
  /** Takes the place of the size as octal digits. */
  readonly sizeField?: string | Uint8Array;
  /** Magic and version; undefined: POSIX ustar. */
  readonly magic?: string;
  readonly prefix?: string;
}

const block = 512;

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((block - (bytes.length % block)) % block)]);
}

export function tarHeader(entry: RawTarEntry): Buffer {
  const header = Buffer.alloc(block);
  const body = Buffer.from(entry.body ?? "");
  header.set(Buffer.from(entry.name).subarray(0, 100), 0);
  header.write(`${(entry.mode ?? 0o644).toString(8).padStart(7, "0")}\0`, 100, "latin1");
  header.write("0000000\0", 108, "latin1");
  header.write("0000000\0", 116, "latin1");
  header.write(`${(entry.size ?? body.length).toString(8).padStart(11, "0")}\0`, 124, "latin1");
  if (entry.sizeField !== undefined) header.set(Buffer.from(entry.sizeField), 124);
  header.write("00000000000\0", 136, "latin1");
  header.write("        ", 148, "latin1");
  header.write(entry.type ?? "0", 156, "latin1");
  header.write((entry.linkname ?? "").slice(0, 100), 157, "utf8");
  header.write(entry.magic ?? "ustar\u000000", 257, "latin1");
  header.write(entry.prefix ?? "", 345, "utf8");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** Header and body of each entry, without an end mark. */
export function tarBlocks(...entries: readonly RawTarEntry[]): Buffer {
  return Buffer.concat(entries.flatMap((entry) => [tarHeader(entry), padded(Buffer.from(entry.body ?? ""))]));
}

export const tarEnd = Buffer.alloc(2 * block);

export function rawTar(...entries: readonly RawTarEntry[]): Buffer {
  return Buffer.concat([tarBlocks(...entries), tarEnd]);
}

/** Precedes an entry and overrides its header; `g` instead of `x` is for all that follow. */
export function paxEntry(records: Readonly<Record<string, string>>, type: "x" | "g" = "x"): RawTarEntry {
  const body = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest + 1;
    while (String(length).length + rest !== length) length += 1;
    return `${length} ${key}=${value}\n`;
  });
  return { name: "PaxHeader", type, body: body.join("") };
}

/** GNU's way to names of more than 100 bytes: `L` for the name, `K` for a link's target. */
export function gnuLong(type: "L" | "K", value: string): RawTarEntry {
  return { name: "././@LongLink", type, body: `${value}\0`, magic: "ustar  \0" };
}
