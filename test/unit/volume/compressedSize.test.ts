import { expect, test } from 'vitest';
import { decodeCompressed } from '../../../src/formats/dicom/codecs';

const JPEG_2000 = '1.2.840.10008.1.2.4.90';
const BASELINE = '1.2.840.10008.1.2.4.50';

/** The start of a code stream of JPEG 2000 that says its size (SOC and SIZ). */
function codeStream(columns: number, rows: number): Buffer {
  const stream = Buffer.alloc(64);
  stream.writeUInt32BE(0xff4fff51, 0);
  stream.writeUInt32BE(columns + 3, 8);
  stream.writeUInt32BE(rows + 5, 12);
  stream.writeUInt32BE(3, 16);
  stream.writeUInt32BE(5, 20);
  return stream;
}

/** A code stream in the boxes of a JP2 file. */
const boxed = (stream: Buffer): Buffer =>
  Buffer.concat([Buffer.from('0000000c6a5020200d0a870a', 'hex'), Buffer.alloc(65), stream]);

const jpeg = Buffer.from('ffd8ffc0001108ea60ea6003011100021100031100', 'hex');

test.each([
  ['bare JPEG 2000', JPEG_2000, codeStream(60_000, 60_000)],
  ['a JP2 file', JPEG_2000, boxed(codeStream(60_000, 60_000))],
  ['JPEG', BASELINE, jpeg],
])('%s that is larger than its header says is refused before it is decoded', async (_what, syntax, frame) => {
  const size = { rows: 512, columns: 512 };
  await expect(decodeCompressed(syntax, 'JPEG', frame, 'slice.dcm', size)).rejects.toThrow(
    'slice.dcm: its compressed pixels are 60000×60000, and its header says 512×512: it is damaged',
  );
});
