/** Writes zip files byte by byte, with whatever lies they are to tell. */
import { crc32, deflateRawSync } from "node:zlib";

export interface RawZipEntry {
  readonly name: string | Uint8Array;
  readonly body?: string | Uint8Array;
  /** Unix mode with its type, such as 0o120777 for a symbolic link; undefined: made by DOS, which has none. */
  readonly unixMode?: number;
  /** 0 stored, 8 deflated. */
  readonly method?: number;
  readonly flags?: number;
  /** What the directory says, where it is to differ from the truth. */
  readonly crc?: number;
  readonly size?: number;
  /** What the local header says, where it is to differ from the directory. */
  readonly localName?: string;
  readonly localCrc?: number;
  readonly localMethod?: number;
  /** Takes the bytes of the entry with this index instead of its own. */
  readonly sharesBytesOf?: number;
}

const utf8Names = 0x800;

export function rawZip(...entries: readonly RawZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const body = Buffer.from(entry.body ?? "");
    const method = entry.method ?? 0;
    const data = method === 8 ? deflateRawSync(body) : body;
    const crc = entry.crc ?? crc32(body);
    const localName = Buffer.from(entry.localName ?? entry.name);
    const flags = (entry.flags ?? 0) | utf8Names;
    const size = entry.size ?? body.length;
    const start = entry.sharesBytesOf === undefined ? offset : (offsets[entry.sharesBytesOf] ?? 0);
    offsets.push(start);
    if (entry.sharesBytesOf === undefined) {
      const local = Buffer.alloc(30);
      local.writeUInt32LE(0x04034b50, 0);
      local.writeUInt16LE(20, 4);
      local.writeUInt16LE(flags, 6);
      local.writeUInt16LE(entry.localMethod ?? method, 8);
      local.writeUInt32LE(entry.localCrc ?? crc, 14);
      local.writeUInt32LE(data.length, 18);
      local.writeUInt32LE(size, 22);
      local.writeUInt16LE(localName.length, 26);
      parts.push(local, localName, data);
      offset += local.length + localName.length + data.length;
    }
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE((entry.unixMode === undefined ? 0 : 3 << 8) | 20, 4);
    central.writeUInt16LE(20, 6);
    central.writeUInt16LE(flags, 8);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(crc, 16);
    central.writeUInt32LE(data.length, 20);
    central.writeUInt32LE(size, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(((entry.unixMode ?? 0) << 16) >>> 0, 38);
    central.writeUInt32LE(start, 42);
    directory.push(central, name);
  }
  const directoryBytes = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directoryBytes.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directoryBytes, end]);
}
