import zlib from 'node:zlib';
import { crc32c, lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from '@platformatic/wasm-utils';
import { WaybillError } from '@waybill/core/driver';
import type { Compression } from '../options.ts';

interface Codec {
  compress(bytes: Buffer): Buffer;
  decompress(bytes: Buffer): Buffer;
}

/** By the number that a batch carries. */
const names: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

const codecs: Readonly<Record<Exclude<Compression, 'none'>, () => Codec>> = {
  gzip: () => ({ compress: (bytes) => zlib.gzipSync(bytes), decompress: (bytes) => zlib.gunzipSync(bytes) }),
  snappy: () => ({ compress: snappyCompress, decompress: unsnapped }),
  lz4: () => ({ compress: lz4Compress, decompress: lz4Decompress }),
  zstd: () => {
    // Absent before Node 22.15, whatever the types say.
    const { zstdCompressSync, zstdDecompressSync } = zlib as Partial<typeof zlib>;
    if (zstdCompressSync === undefined || zstdDecompressSync === undefined)
      throw new WaybillError(
        'unsupported',
        `zstd needs Node 22.15 or newer, this is ${process.versions.node}; use a newer Node, or gzip, snappy or lz4 for what is produced`,
      );
    return { compress: (bytes) => zstdCompressSync(bytes), decompress: (bytes) => zstdDecompressSync(bytes) };
  },
};

export const codecOf = (compression: Compression): number => names.indexOf(compression);

/** CRC-32C, as batches carry it. */
export const checksum = (bytes: Buffer): number => crc32c(bytes);

/** Throws `unsupported` for what this Node cannot do. */
export function checkCompression(compression: Compression): void {
  if (compression !== 'none') codecs[compression]();
}

export const compressed = (compression: Compression, bytes: Buffer): Buffer =>
  compression === 'none' ? bytes : codecs[compression]().compress(bytes);

/** Throws `unsupported` for a codec that is not known, or that this Node cannot do. Never leaves anything out. */
export function decompressed(codec: number, bytes: Buffer): Buffer {
  const name = names[codec];
  if (name === 'none') return bytes;
  if (name === undefined)
    throw new WaybillError(
      'unsupported',
      `A batch of records is compressed with codec ${codec}, which is not known here`,
    );
  return codecs[name]().decompress(bytes);
}

/** What Java's library for snappy writes before its blocks, with two versions. */
const xerial = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHead = 16;

function unsnapped(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, xerial.length).equals(xerial)) return snappyDecompress(bytes);
  const blocks: Buffer[] = [];
  for (let at = xerialHead; at < bytes.length;) {
    const end = at + 4 + bytes.readInt32BE(at);
    blocks.push(snappyDecompress(bytes.subarray(at + 4, end)));
    at = end;
  }
  return Buffer.concat(blocks);
}
