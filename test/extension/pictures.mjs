// Puts the pictures that the README shows into docs/images: `npm run pictures`, after the tests that take them
// (`npm run test:extension -- configs crops curves results compare`, and `VOCO_STEPS=200 npm run test:extension -- pretext` for a
// network that has learnt). Packed small, at 5 bits a channel.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, inflateSync, crc32 } from 'node:zlib';

const root = join(import.meta.dirname, '../..');
const PICTURES = {
  'config-data-errors-dark': 'config',
  'crops-dark': 'crops',
  'preview-mae-dark': 'task',
  'curves-one-dark': 'curves',
  'results-cases-dark': 'results',
  'compare-cases-dark': 'compare',
};

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

const paeth = (a, b, c) => {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
};

/** Undoes the filters of the rows, and rounds every value to 5 bits: flat areas then pack well without any filter. */
function plainRows(filtered, height, bytesPerPixel) {
  const stride = filtered.length / height;
  const rows = Buffer.alloc(filtered.length);
  const raw = Buffer.alloc(filtered.length);
  for (let y = 0; y < height; y++) {
    const start = y * stride;
    const kind = filtered[start];
    for (let i = start + 1; i < start + stride; i++) {
      const left = i - bytesPerPixel > start ? raw[i - bytesPerPixel] : 0;
      const up = y > 0 ? raw[i - stride] : 0;
      const corner = y > 0 && i - bytesPerPixel > start ? raw[i - bytesPerPixel - stride] : 0;
      const guess = [0, left, up, (left + up) >> 1, kind === 4 ? paeth(left, up, corner) : 0][kind];
      raw[i] = filtered[i] + guess;
      rows[i] = Math.round(Math.round((raw[i] * 31) / 255) * (255 / 31));
    }
  }
  return rows;
}

/** The same picture in 5 bits a channel, deflated as hard as zlib can. */
function packed(png) {
  let header;
  const data = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const type = png.toString('latin1', at + 4, at + 8);
    const content = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (type === 'IHDR') header = content;
    if (type === 'IDAT') data.push(content);
  }
  const channels = { 2: 3, 6: 4 }[header[9]];
  const rows = plainRows(inflateSync(Buffer.concat(data)), header.readUInt32BE(4), channels);
  const pixels = deflateSync(rows, { level: 9, memLevel: 9 });
  const parts = [chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([png.subarray(0, 8), ...parts]);
}

mkdirSync(join(root, 'docs/images'), { recursive: true });
for (const [taken, shown] of Object.entries(PICTURES)) {
  const png = packed(readFileSync(join(root, `test/screenshots/${taken}.png`)));
  writeFileSync(join(root, `docs/images/${shown}.png`), png);
  console.log(`docs/images/${shown}.png (${(png.length / 1000).toFixed(0)} KB)`);
}
