// A synthetic CT for measurements of size: a body with noise of a CT's kind, so that gzip finds as little as in a real one.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { writeVolume } from '../test/extension/volumes.mjs';

/** Writes an int16 `.nii.gz` of [x, y, z] voxels. */
export function makeVolume(file, size) {
  let seed = 1;
  const noise = () => ((seed = Math.imul(seed, 1664525) + 1013904223) >>> 27) - 16;
  const [cx, cy] = [size[0] / 2, size[1] / 2];
  const plain = `${file}.nii`;
  writeVolume(plain, size, (x, y) =>
    ((x - cx) / cx) ** 2 + ((y - cy) / (0.7 * cy)) ** 2 < 0.8 ? 40 + 2 * noise() : -1024,
  );
  writeFileSync(file, gzipSync(readFileSync(plain), { level: 4 }));
  rmSync(plain);
}
