import type { Command } from '../command';
import { bench } from './bench';
import { cache } from './cache';
import { check } from './check';
import { compare } from './compare';
import { convert } from './convert';
import { demo } from './demo';
import { devices } from './devices';
import { evaluate } from './evaluate';
import { exportWeights } from './export';
import { finetune } from './finetune';
import { importWeights } from './import';
import { info } from './info';
import { init } from './init';
import { locate } from './locate';
import { phantom } from './phantom';
import { pretrain } from './pretrain';
import { probe } from './probe';
import { segment } from './segment';
import { study } from './study';

/** Every subcommand, in the order that `voco --help` lists them. */
export const commands: readonly Command[] = [
  demo,
  init,
  phantom,
  check,
  pretrain,
  finetune,
  evaluate,
  study,
  segment,
  locate,
  compare,
  probe,
  importWeights,
  exportWeights,
  info,
  convert,
  devices,
  bench,
  cache,
];
