import { expect, it } from 'vitest';
import { dataFolders } from '../../../src/data/datalist/offers';

const folders = (...files: string[]): string[] =>
  dataFolders(
    files.map((file) => `/data/${file}`),
    '/data',
  ).map(({ path, volumes }) => `${path.slice(6)} ${volumes}`);

it('takes folders of one case each for one data set', () => {
  const brats = ['t1', 't2', 'seg'].flatMap((kind) => [1, 2].map((n) => `brats/B_${n}/B_${n}_${kind}.nii.gz`));
  expect(folders(...brats)).toEqual(['brats 6']);
  const dicom = ['a/s1/1.dcm', 'a/s1/2.dcm', 'a/s2/1.dcm', 'b/s1/1.dcm', 'b/s2/2.dcm'].map((file) => `tcia/${file}`);
  expect(folders(...dicom)).toEqual(['tcia 5']);
  const three = ['x', 'y', 'z'].flatMap((name) => [`mr/${name}/flair.nii.gz`, `mr/${name}/t1.nii.gz`]);
  expect(folders(...three)).toEqual(['mr 6']);
});

it('keeps folders of many volumes apart, also those with files of the same names', () => {
  const cases = [1, 2, 3, 4].map((n) => `case${n}.nii.gz`);
  const files = ['ct', 'mr', 'pet'].flatMap((kind) => cases.map((name) => `${kind}/${name}`));
  expect(folders(...files)).toEqual(['ct 4', 'mr 4', 'pet 4']);
});

it('does not take label maps, and goes to the top of nnU-Net and BIDS', () => {
  const nnunet = ['imagesTr/a_0000.nii.gz', 'imagesTs/b_0000.nii.gz', 'labelsTr/a.nii.gz'].map((name) => `D/${name}`);
  const bids = ['sub-1/anat/sub-1_T1w.nii.gz', 'derivatives/x/sub-1/anat/m.nii.gz'].map((name) => `bids/${name}`);
  expect(folders(...nnunet, ...bids, 'one/ct.nii.gz', 'one/segmentations/liver.nii.gz')).toEqual([
    'D 2',
    'bids 1',
    'one 1',
  ]);
  expect(folders('imagesTr/a.nii.gz')).toEqual([' 1']);
});
