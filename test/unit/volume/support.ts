import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { UserError } from '../../../src/errors/userError';

/** A folder for a test file's volumes, removed afterwards. */
export function temporaryFolder(): (name: string) => string {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'voco-volume-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  return (name) => join(folder, name);
}

/** The action fails with a UserError of one line that names the file and matches. */
export async function expectUserError(action: Promise<unknown>, file: string, pattern: RegExp): Promise<void> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const { message } = error as UserError;
  expect(message.split('\n')).toHaveLength(1);
  expect(message).toContain(file);
  expect(message).toMatch(pattern);
}

export interface RawHeader {
  version?: 1 | 2;
  littleEndian?: boolean;
  dims?: number[];
  datatype?: number;
  bits?: number;
  pixdim?: number[];
  slope?: number;
  intercept?: number;
  qformCode?: number;
  sformCode?: number;
  quaternion?: number[];
  qoffset?: number[];
  srow?: number[];
  voxelOffset?: number;
  magic?: string;
  units?: number;
}

/** Header bytes by the NIfTI standard's tables, field by field, independent of the writer. */
export function rawHeader(fields: RawHeader): Uint8Array {
  const version = fields.version ?? 1;
  const little = fields.littleEndian ?? true;
  const bytes = new Uint8Array(version === 1 ? 352 : 544);
  const view = new DataView(bytes.buffer);
  const short = (at: number, value: number) => view.setInt16(at, value, little);
  const int = (at: number, value: number) => view.setInt32(at, value, little);
  const long = (at: number, value: number) => view.setBigInt64(at, BigInt(value), little);
  const real = (at1: number, at2: number, values: number[]) =>
    values.forEach((value, i) => {
      if (version === 1) view.setFloat32(at1 + 4 * i, value, little);
      else view.setFloat64(at2 + 8 * i, value, little);
    });
  const dims = fields.dims ?? [3, 2, 3, 4, 1, 1, 1, 1];
  const magic = fields.magic ?? (version === 1 ? 'n+1\0' : 'n+2\0\r\n\x1a\n');
  for (let i = 0; i < magic.length; i++) bytes[(version === 1 ? 344 : 4) + i] = magic.charCodeAt(i);
  int(0, version === 1 ? 348 : 540);
  dims.forEach((n, i) => (version === 1 ? short(40 + 2 * i, n) : long(16 + 8 * i, n)));
  short(version === 1 ? 70 : 12, fields.datatype ?? 4);
  short(version === 1 ? 72 : 14, fields.bits ?? 16);
  real(76, 104, fields.pixdim ?? [1, 1, 1, 1, 1, 1, 1, 1]);
  const offset = fields.voxelOffset ?? bytes.length;
  if (version === 1) view.setFloat32(108, offset, little);
  else long(168, offset);
  real(112, 176, [fields.slope ?? 0, fields.intercept ?? 0]);
  const codes = [fields.qformCode ?? 0, fields.sformCode ?? 0];
  codes.forEach((code, i) => (version === 1 ? short(252 + 2 * i, code) : int(344 + 4 * i, code)));
  real(256, 352, [...(fields.quaternion ?? [0, 0, 0]), ...(fields.qoffset ?? [0, 0, 0])]);
  real(280, 400, fields.srow ?? Array.from({ length: 12 }, () => 0));
  if (version === 1) view.setUint8(123, fields.units ?? 2);
  else int(500, fields.units ?? 2);
  return bytes;
}

export function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
