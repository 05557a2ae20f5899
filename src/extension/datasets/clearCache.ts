import { UserError } from '../../errors/userError';
import { runTool, type Program } from '../../jobs/process';
import { Cancelled, withProgress, type CommandDefinition } from '../shared/command';
import { counted, formatBytes } from '../../text';
import { showInfo, showWarning } from '../shared/notify';

interface CacheReport {
  readonly folder: string;
  readonly entries: number;
  readonly bytes: number;
}

async function cacheTool(program: Program, action: 'show' | 'clear', signal?: AbortSignal): Promise<CacheReport> {
  const result = await runTool(program, ['cache', action, '--json'], { signal });
  if (result.code !== 0) throw new UserError(result.messages.trim());
  return JSON.parse(result.output) as CacheReport;
}

export const clearCacheCommand: CommandDefinition = {
  id: 'voco.clearCache',
  async run(services) {
    const program = await services.program();
    const report = await withProgress('Looking at the cache', (signal) => cacheTool(program, 'show', signal));
    if (report.entries === 0) {
      void showInfo(`The cache of preprocessed volumes is empty (${report.folder}).`);
      return;
    }
    const clear = 'Clear';
    const text = `Remove ${counted(report.entries, 'preprocessed volume')} (${formatBytes(report.bytes)})?`;
    const detail = `${report.folder}\nThe next run preprocesses its volumes again.`;
    if ((await showWarning(text, { modal: true, detail }, clear)) !== clear) throw new Cancelled();
    await withProgress('Clearing the cache', (signal) => cacheTool(program, 'clear', signal));
    void showInfo(`${formatBytes(report.bytes)} of preprocessed volumes were removed.`);
  },
};
