import type { CommandDefinition } from '../shared/command';
import { pickConfig } from '../config/pickConfig';
import { startTraining } from './startTraining';

export const pretrainCommand: CommandDefinition = {
  id: 'voco.pretrain',
  async run(services, argument) {
    const config = await pickConfig(argument, 'Pre-train with which config?', 'pretrain');
    const dir = await startTraining(services, config, 'pretrain');
    services.walkthrough.done('pretrain');
    return dir;
  },
};
