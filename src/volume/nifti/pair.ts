import { UserError } from '../../errors/userError';
import { isFile } from '../../files/kinds';

const HEADER = /\.hdr(\.gz)?$/i;
const DATA = /\.img(\.gz)?$/i;

/** The file with another ending, as it is there: with `.gz` or without, or in capitals. */
async function sibling(file: string, pattern: RegExp, ending: string): Promise<string | undefined> {
  const stem = file.replace(pattern, '');
  const endings = [ending, `${ending}.gz`, ending.toUpperCase()];
  const candidates = endings.map((name) => `${stem}.${name}`);
  for (const candidate of candidates) if (await isFile(candidate)) return candidate;
  return undefined;
}

/** The header of a pair by the name of either file; the file itself where it is no voxel file of a pair. */
export async function headerFileOf(file: string): Promise<string> {
  return (DATA.test(file) ? await sibling(file, DATA, 'hdr') : undefined) ?? file;
}

/** The voxel file that belongs to the header of a pair. @throws UserError naming it when it is not there */
export async function dataFileOf(header: string): Promise<string> {
  if (!HEADER.test(header))
    throw new UserError(`${header}: says that it is the header of an .hdr/.img pair, but is not called .hdr`);
  const found = await sibling(header, HEADER, 'img');
  if (found) return found;
  throw new UserError(`${header.replace(HEADER, '.img')}: the voxels are missing: ${header} is their header`);
}
