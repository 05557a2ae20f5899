import { describe, expect, it } from 'vitest';
import { nameBeside } from '../../../src/viewer/names';

describe('names of volumes that are shown together', () => {
  it('have their folder in front where two are the same', () => {
    const files = ['/data/imagesTr/case1.nii.gz', '/data/labelsTr/case1.nii.gz', '/data/imagesTr/case2.nii.gz'];
    expect(files.map((file) => nameBeside(file, files))).toEqual([
      'imagesTr/case1.nii.gz',
      'labelsTr/case1.nii.gz',
      'case2.nii.gz',
    ]);
  });

  it('are those of the files otherwise', () => {
    expect(nameBeside('/a/ct.nii', ['/a/ct.nii'])).toBe('ct.nii');
    expect(nameBeside('/a/label.nii', ['/a/ct.nii'])).toBe('label.nii');
  });
});
