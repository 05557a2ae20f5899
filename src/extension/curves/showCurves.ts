import { runDirOf } from '../runs/pickRun';
import type { CommandDefinition } from '../shared/command';

export const showCurvesCommand: CommandDefinition = {
  id: 'voco.showCurves',
  run(services, argument, selected) {
    const all = Array.isArray(selected) && selected.length > 1 ? (selected as unknown[]) : [argument];
    const dirs = all.flatMap((one) => runDirOf(services, one) ?? []);
    services.curves.show(dirs.length === 0 ? undefined : dirs);
    services.walkthrough.done('watch');
  },
};
