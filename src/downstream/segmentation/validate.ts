import type { FinetuneConfig } from '../../config';
import type { Case } from '../../data/datalist';
import type { LabelCodes, LabelledStore } from '../../data/labelled';
import { meanScore, reduceScores } from '../../metrics';
import type { Segmenter } from '../../nets';
import type { Watched } from '../../rpc/breath';
import { predictCodes } from './predict';
import { classDice } from './scores';
import type { Scalars } from '../../tasks';

/** What measures held-out cases during training. */
export interface ValidationParts {
  readonly network: Segmenter;
  readonly cases: readonly Case[];
  readonly store: LabelledStore;
  readonly codes: LabelCodes;
  readonly config: FinetuneConfig;
  readonly watched: Watched;
}

/**
 * Dice on held-out cases by sliding window, on the preprocessed grid as the released code has it: `dice` is the mean over cases
 * of the mean over the classes that the case has, `dice/<class>` the mean over the cases that have the class (left out where
 * none has). Of a case that labels some classes alone, those are measured; voxels with the label `task.ignore` are left out.
 */
export async function validateSegmentation(parts: ValidationParts): Promise<Scalars> {
  const { network, cases, store, codes, config, watched } = parts;
  const rows: number[][] = [];
  for (const [i, item] of cases.entries()) {
    const tell = (share: number): void => watched.tell(`validating case ${i + 1} of ${cases.length}`, share);
    tell(0);
    await watched.giveWay();
    const { image, codes: truth, labelled } = await store.load(item);
    const prediction = await predictCodes(network, image, codes, config, {
      onProgress: (done, total) => tell(done / total),
      giveWay: () => watched.giveWay(),
    });
    rows.push(classDice(prediction, truth, codes, labelled));
  }
  const classes = codes.classes.map(({ name }, c): [string, number] => [
    `dice/${name}`,
    meanScore(rows.map((row) => row[c]!)),
  ]);
  const known = classes.filter(([, value]) => !Number.isNaN(value));
  return { dice: reduceScores(rows, 'mean').values[0]!, ...Object.fromEntries(known) };
}
