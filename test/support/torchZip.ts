/** Files of torch.save, made byte by byte: whole ones, and ones that PyTorch would never write. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface Entry {
  name: string;
  content: Uint8Array;
  deflate?: boolean;
  /** What the directory says instead of the truth. */
  claims?: number;
  method?: number;
}

/** A zip file as simple writers make it, without any check of what it says. */
export function zip(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, deflate, claims, method } of entries) {
    const data = deflate ? deflateRawSync(content) : Buffer.from(content);
    const local = Buffer.alloc(30 + name.length);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    local.write(name, 30, 'latin1');
    const central = Buffer.alloc(46 + name.length);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method ?? (deflate ? 8 : 0), 10);
    central.writeUInt32LE(crc32(content), 16);
    central.writeUInt32LE(data.length, 20);
    central.writeUInt32LE(claims ?? content.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    central.write(name, 46, 'latin1');
    parts.push(local, data);
    directory.push(central);
    offset += local.length + data.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  const bytes = Buffer.concat(directory);
  end.writeUInt32LE(bytes.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, bytes, end]);
}

export const latin = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A file of torch.save with this pickle (protocol 2 is put in front) and one storage of 8 bytes. */
export const torchZip = (pickle: string, more: readonly Entry[] = []): Buffer =>
  zip([
    { name: 'archive/data.pkl', content: latin(`\x80\x02${pickle}`) },
    { name: 'archive/data/0', content: Uint8Array.from([0, 0, 128, 63, 0, 0, 0, 64]) },
    ...more,
  ]);

export const storage = (elements = 'K\x02', type = 'FloatStorage', key = '0'): string =>
  `(U\x07storagectorch\n${type}\nU${String.fromCharCode(key.length)}${key}U\x03cpu${elements}tQ`;
export const tensor = (shape = 'K\x02\x85', strides = 'K\x01\x85', of = storage(), offset = 'K\x00'): string =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${of}${offset}${shape}${strides}\x89}tR`;
/** `{'w': tensor, …}` */
export const dict = (value = tensor(), more = ''): string => `}(U\x01w${value}${more}u.`;
