/** The cases of the fixture transforms_real.json, whose keys hold the settings: `crop_foreground_x>0.3`, `resize_96x96x24`. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Vec3 } from '../../src/geometry';
import type { PreprocessSettings } from '../../src/volume';
import type { Rows, VolumeSummary } from './volumes';

interface Boxed {
  start: Vec3;
  end_exclusive: Vec3;
  out_shape: number[];
  affine?: Rows;
  image: VolumeSummary;
}
interface Chain {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Crop to the voxels above the threshold. */
  readonly foreground: Boxed & { threshold: number };
}
export interface Finetune extends Chain {
  readonly scaled: VolumeSummary;
  readonly padded: { size: Vec3; out_shape: number[]; affine: Rows; image: VolumeSummary };
}
interface Resized {
  readonly size: Vec3;
  readonly affine: Rows;
  readonly image: VolumeSummary;
}
/** Cubes of `roi` voxels, resized to `out`. */
interface Cubes {
  readonly roi: number;
  readonly out: number;
  readonly crops: VolumeSummary[];
}
export interface Pretrain extends Chain {
  readonly resized: readonly Resized[];
  /** On a square grid of cubes that tiles the volume `from`; each along x and y, the volume's z being one cube. */
  readonly base?: Cubes & { side: number; from: Resized };
  readonly random?: Cubes & { centers: [number, number][]; from: Resized };
}
interface Spacing {
  pixdim: Vec3;
  in_shape: [number, number, number, number];
  in_affine: Rows;
  out_shape: number[];
  out_affine: Rows;
  image_bilinear: VolumeSummary;
  label_nearest?: {
    shape: number[];
    num_voxels: number;
    num_near_half_ties: number;
    histogram_without_ties: Record<string, number>;
    idx_without_ties: number[];
    values_without_ties: number[];
  };
}
interface Raw extends Record<string, unknown> {
  name: string;
  files: { image: { name: string; sha256: string }; label?: { name: string; sha256: string } };
  load: { affine: Rows; in_axcodes: string; image: VolumeSummary };
}
export interface RealCase {
  readonly name: string;
  readonly sha256: string;
  readonly labelSha256: string | undefined;
  readonly load: Raw['load'];
  readonly oriented: { codes: string; affine: Rows; image: VolumeSummary };
  readonly spacing: Spacing;
  readonly finetune: readonly Finetune[];
  readonly pretrain: readonly Pretrain[];
}
export interface RealFixture {
  cases: Raw[];
}

/** Entries whose keys match, with what the pattern's groups hold. */
function keyed<T>(group: object, pattern: RegExp): { parts: string[]; value: T }[] {
  return Object.entries(group).flatMap(([key, value]) => {
    const found = pattern.exec(key);
    return found ? [{ parts: found.slice(1), value: value as T }] : [];
  });
}

function only<T>(group: object, pattern: RegExp): { parts: string[]; value: T } {
  const found = keyed<T>(group, pattern);
  if (found.length !== 1)
    throw new Error(`${found.length} keys instead of 1 match ${pattern}: ${Object.keys(group).join(', ')}`);
  return found[0]!;
}

type Windowed = { a_min: number; a_max: number } & Record<string, unknown>;

function chainOf(name: string, group: Windowed): Chain {
  const { parts, value } = only<Boxed>(group, /^crop_foreground_x>([\d.]+)$/);
  return { name, low: group.a_min, high: group.a_max, foreground: { ...value, threshold: Number(parts[0]) } };
}

function finetuneOf(name: string, group: Windowed): Finetune {
  const pad = only<Omit<Finetune['padded'], 'size'>>(group, /^spatial_pad_(\d+)$/);
  const edge = Number(pad.parts[0]);
  const scaled = group.after_spacing_scale as VolumeSummary;
  return { ...chainOf(name, group), scaled, padded: { ...pad.value, size: [edge, edge, edge] } };
}

function pretrainOf(name: string, group: Windowed): Pretrain {
  const resized = keyed<Omit<Resized, 'size'>>(group, /^resize_(\d+)x(\d+)x(\d+)$/).map(({ parts, value }) => ({
    ...value,
    size: parts.map(Number) as unknown as Vec3,
  }));
  const cubes = <T extends { crops: VolumeSummary[] }>(kind: string) => {
    const [found] = keyed<T>(group, new RegExp(`^${kind}_crops_roi(\\d+)_to_(\\d+)$`));
    return found && { ...found.value, roi: Number(found.parts[0]), out: Number(found.parts[1]) };
  };
  const base = cubes('base');
  const random = cubes<{ crops: VolumeSummary[]; centers: [number, number][] }>('random');
  const side = Math.sqrt(base?.crops.length ?? 0);
  const from = resized.find(({ size }) => base && size[0] === side * base.roi && size[2] === base.roi);
  return {
    ...chainOf(name, group),
    resized,
    ...(base && from && { base: { ...base, side, from } }),
    ...(random && from && { random: { ...random, from } }),
  };
}

function caseOf(raw: Raw): RealCase {
  const oriented = only<{ affine: Rows; image: VolumeSummary }>(raw, /^orientation_([A-Z]{3})$/);
  return {
    name: raw.name,
    sha256: raw.files.image.sha256,
    labelSha256: raw.files.label?.sha256,
    load: raw.load,
    oriented: { ...oriented.value, codes: oriented.parts[0]! },
    spacing: only<Spacing>(raw, /^spacing_/).value,
    finetune: keyed<Windowed>(raw, /^(finetune_.*)/).map(({ parts, value }) => finetuneOf(parts[0]!, value)),
    pretrain: keyed<Windowed>(raw, /^(pretrain_.*)/).map(({ parts, value }) => pretrainOf(parts[0]!, value)),
  };
}

export const realCases = (fixture: RealFixture): RealCase[] => fixture.cases.map(caseOf);

/** The settings that make the resized volume of a chain. */
export function settingsOf(item: RealCase, chain: Chain, size: Vec3): PreprocessSettings {
  return {
    orientation: item.oriented.codes,
    spacing: null,
    intensity: { kind: 'window', low: chain.low, high: chain.high, to: [0, 1], clip: true },
    foreground: { threshold: chain.foreground.threshold },
    resize: size,
  };
}

/**
 * The volumes are not part of the repository. A folder that holds them (under any name; they are known by their checksum) is
 * given by VOCO_REAL_CT.
 */
export const realFolder = process.env.VOCO_REAL_CT;

/** The volumes in that folder by their checksum. */
export function realFiles(): Map<string, string> {
  const files = new Map<string, string>();
  if (!realFolder || !existsSync(realFolder)) return files;
  for (const name of readdirSync(realFolder).filter((entry) => /\.nii(\.gz)?$/.test(entry))) {
    const file = join(realFolder, name);
    files.set(createHash('sha256').update(readFileSync(file)).digest('hex'), file);
  }
  return files;
}
