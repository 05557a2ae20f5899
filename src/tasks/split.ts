import type { Config } from '../config';
import { splitValidation, type Case } from '../data/datalist';
import { trainingSubset } from '../data/labelled';
import type { Cases } from './task';

/**
 * Sets held-out cases aside where the config lists none, then takes the part of the rest that `data.fraction` or `data.cases` asks
 * for.
 *
 * @param train, held the cases of `data.train` and `data.validation`
 * @throws UserError when there are too few cases for what is asked
 */
export function splitCases<Item extends Case>(
  { data, seed }: Config,
  train: readonly Item[],
  held: readonly Item[],
): Cases<Item> {
  const parts =
    data.validation.length > 0
      ? { train: [...train], validation: [...held] }
      : splitValidation(train, data.validationFraction, seed);
  return 'fraction' in data ? { ...parts, train: trainingSubset(parts.train, data, seed) } : parts;
}
