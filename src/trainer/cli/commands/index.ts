import type { Command } from '../command';
import { bench } from './bench';
import { cache } from './cache';
import { check } from './check';
import { demo } from './demo';
import { devices } from './devices';
import { finetune } from './finetune';
import { info } from './info';
import { init } from './init';
import { phantom } from './phantom';
import { pretrain } from './pretrain';

/** Every subcommand, in the order that `voco --help` lists them. */
export const commands: readonly Command[] = [demo, init, phantom, check, pretrain, finetune, info, devices, bench, cache];
