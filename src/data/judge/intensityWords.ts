const AT = 'data.preprocess.intensity';

/** Keys of the intensity step that say how values are stored. */
export interface StoredKeys {
  readonly offset?: number;
  readonly rescale?: number | string;
  readonly unwrap?: true;
}

/** What is advised about intensities: of data that are to be trained on, or of an image that a trained network is shown. */
export interface IntensityWords {
  /** How to say how values are stored. */
  stored(keys: StoredKeys): string;
  /** Behind advice to say so: for which files that is right. */
  readonly where: string;
  /** What may be chosen before training: another window. */
  choice(text: string): readonly string[];
  /** For MR. */
  readonly mr: string;
  /** Where values are right as they are and only look wrong. */
  readonly anyway: string;
  readonly silent: string;
  /** What to do with a file that holds nothing. */
  readonly empty: string;
}

const entries = (keys: StoredKeys): [string, unknown][] =>
  Object.entries(keys).map(([key, value]) => [`${AT}.${key}`, value]);

/** Advice about data of a config. */
export const TRAINING: IntensityWords = {
  stored: (keys) => `set ${entries(keys).map(([key, value]) => `${key} to ${String(value)}`).join(' and ')}`, // prettier-ignore
  where: ', if all volumes are stored so, or correct the file',
  choice: (text) => [text],
  mr: `for MR use ${AT}.kind "zscore"`,
  anyway: `${AT}.check false trains on them as they are`,
  silent: `${AT}.check false is silent`,
  empty: 'download the file again, or remove the case from the list',
};

/** Advice about an image for a network whose training is over: the window is the network's. */
export const SEGMENTING: IntensityWords = {
  stored: (keys) => `add ${entries(keys).map(([key, value]) => `--set ${key}=${String(value)}`).join(' ')}`, // prettier-ignore
  where: ', or correct the file',
  choice: () => [],
  mr: 'MR needs a network that was trained on MR',
  anyway: `--set ${AT}.check=false segments the image as it is`,
  silent: `--set ${AT}.check=false is silent`,
  empty: 'download the file again',
};
