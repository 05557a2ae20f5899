import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors/userError';
import { listSeries, readHeader, readVolume, spacingOf, type Volume } from '../../src/volume';
import { canonicalDigest, mentions, valueAt, type ExpectedCase, type ExpectedVolume } from './answers';

/** Small inputs with right answers, and where they are from: see README.md there. VOCO_FORMATS names a folder with more. */
const folders = [join(import.meta.dirname, '../fixtures/formats'), process.env.VOCO_FORMATS ?? ''].filter((folder) =>
  existsSync(join(folder, 'answers.json')),
);

function check(volume: Volume, expected: ExpectedVolume): void {
  const [channels, ...size] = volume.shape;
  const [x, y, z, more = 1] = expected.shape;
  expect([...size, channels]).toEqual([x, y, z, more]);
  spacingOf(volume.affine).forEach((mm, axis) =>
    expect(Math.abs(mm - expected.spacing_mm[axis]!)).toBeLessThan(0.0005),
  );
  expected.affine_RAS.flat().forEach((entry, i) => expect(Math.abs(volume.affine[i]! - entry)).toBeLessThan(0.002));
  const tolerance = expected.value_tolerance;
  for (const { ras_mm: ras, value, values = [value!] } of expected.values_at ?? []) {
    values.forEach((right, c) => {
      const found = valueAt(volume, ras, c);
      expect(found, `at ${ras.join(' ')}`).toBeDefined();
      expect(Math.abs(found! - right)).toBeLessThanOrEqual(tolerance || Math.abs(right) * 1e-6);
    });
  }
  const { data } = volume;
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (const value of data) [min, max, sum] = [Math.min(min, value), Math.max(max, value), sum + value];
  expect(Math.abs(min - expected.min)).toBeLessThanOrEqual(tolerance || 1e-5);
  expect(Math.abs(max - expected.max)).toBeLessThanOrEqual(tolerance || 1e-5);
  expect(sum / data.length).toBeCloseTo(expected.mean, tolerance > 0 ? 0 : 3);
  if (expected.canonical?.sha256_float32 && tolerance === 0)
    expect(canonicalDigest(volume)).toBe(expected.canonical.sha256_float32);
}

/** The message of a refusal, or the volume with what is told beside it. */
async function attempt(path: string, series?: string) {
  const choice = series === undefined ? {} : { series };
  try {
    const { volume, header } = await readVolume(path, { ...choice, channel: 'all' });
    return { volume, header, notices: header.warnings.join('\n') };
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    const { message } = error as UserError;
    expect(message).not.toMatch(/damaged NIfTI|not a NIfTI|\n/);
    return { message };
  }
}

for (const folder of folders) {
  const { cases } = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8')) as { cases: ExpectedCase[] };
  describe(`inputs of ${folder}`, () => {
    for (const one of cases.filter(({ input }) => existsSync(join(folder, input)))) {
      test(`${one.id}: ${one.expect}`, async () => {
        const path = join(folder, one.input);
        if (one.expect === 'list') {
          const { message } = await attempt(path);
          const { series } = await listSeries(path);
          expect(series).toHaveLength(one.series!.length);
          for (const right of one.series!) {
            expect(message).toContain(right.description);
            const found = series.find(({ uid }) => uid === right.series_uid);
            expect(found).toMatchObject({ description: right.description, number: right.number, slices: right.slices });
            const chosen = await attempt(path, right.series_uid);
            if (right.volume) check(chosen.volume!, right.volume);
            else expect(chosen.message).toMatch(/evenly|gap/);
          }
          return;
        }
        const { volume, header, message, notices } = await attempt(path);
        if (message !== undefined) {
          expect(one.expect, message).not.toBe('read');
          expect(mentions(message, one.message_any), message).toBe(true);
          return;
        }
        expect(one.expect).not.toBe('refuse');
        expect(mentions(notices!, one.message_any), notices).toBe(true);
        expect(mentions(notices!, one.should_mention), notices).toBe(true);
        if (one.volume) check(volume!, one.volume);
        for (const { ras_mm: ras, value } of one.values_at_slices ?? []) expect(valueAt(volume!, ras)).toBe(value);
        for (const { name, label_value: labelValue, layer } of one.segments ?? [])
          expect(header!.foreign?.segments).toContainEqual(expect.objectContaining({ name, labelValue, layer }));
        expect(await readHeader(path)).toMatchObject({ size: header!.size, channels: header!.channels });
      });
    }
  });
}
