import type { Config } from '../types';
import type { Problem } from '../../schema';
import { finetuneRules } from './finetune';
import { pretrainRules } from './pretrain';
import { channelRules, dataRules, idleRules, networkRules, optimizerRules, precisionRules, rateRules } from './shared';

/** What a schema cannot say: keys of a complete config that contradict each other. */
export function rules(config: Config): Problem[] {
  const own = config.kind === 'pretrain' ? pretrainRules(config) : finetuneRules(config);
  return [
    ...own,
    ...[networkRules, optimizerRules, idleRules, rateRules, channelRules, dataRules, precisionRules].flatMap((rule) =>
      rule(config),
    ),
  ];
}
