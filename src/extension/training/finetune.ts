import type { Config } from '../../config';
import type { Services } from '../services';
import type { CommandDefinition } from '../shared/command';
import { pickCheckpoint, checkpointOf, type CheckpointChoice } from '../checkpoint/pickCheckpoint';
import { pickConfig } from '../config/pickConfig';
import { startTraining } from './startTraining';

const SCRATCH: CheckpointChoice = {
  label: '$(circle-slash) None: random weights',
  description: 'as the config says',
  detail: 'Trains the whole network from scratch, for comparison.',
};

/** Which weights a run starts from: what its config says, or what the user picks when that is nothing. */
async function initialWeights(
  services: Services,
  config: Config,
  { given, required }: { given: string | undefined; required: boolean },
): Promise<string[]> {
  const set = (file: string): string[] => [`init.checkpoint=${JSON.stringify(file)}`];
  if (given !== undefined) return set(given);
  if (config.kind !== 'finetune' || config.init.checkpoint !== null) return [];
  await services.finder.start();
  const trained = services.registry.runs.filter(({ state }) => state.kind === 'pretrain' && state.step > 0);
  if (trained.length === 0 && !required) return [];
  const title = required ? 'Compare which pre-trained weights with scratch?' : 'Start from which pre-trained weights?';
  const choice = await pickCheckpoint(trained, { title, newestOnly: true, ...(!required && { last: SCRATCH }) });
  return choice === undefined ? [] : set(choice);
}

/** “Fine-tune”: from the palette or a config; from a checkpoint in the runs view it starts with that one's weights. */
export const finetuneCommand: CommandDefinition = {
  id: 'voco.finetune',
  async run(services, argument) {
    const given = checkpointOf(argument);
    const config = await pickConfig(argument, 'Fine-tune with which config?', 'finetune');
    const overrides = (read: Config): Promise<string[]> => initialWeights(services, read, { given, required: false });
    return startTraining(services, config, 'finetune', { overrides });
  },
};

/** “Compare with Scratch”: a study of fine-tuning with and without pre-training on few and many labelled cases. */
export const compareWithScratchCommand: CommandDefinition = {
  id: 'voco.study',
  async run(services, argument) {
    const given = checkpointOf(argument);
    const config = await pickConfig(argument, 'Compare with which fine-tuning config?', 'finetune');
    const overrides = (read: Config): Promise<string[]> => initialWeights(services, read, { given, required: true });
    const dir = await startTraining(services, config, 'finetune', { overrides, job: 'study' });
    services.results.show(dir);
    services.walkthrough.done('results');
    return dir;
  },
};
