import * as vscode from 'vscode';
import { withProgress, type CommandDefinition } from '../shared/command';
import { pickConfig, saveConfig } from '../config/pickConfig';
import { counted } from '../../text';
import { showError, showInfo, showWarning } from '../shared/notify';

export const checkDataCommand: CommandDefinition = {
  id: 'voco.checkData',
  async run(services, argument) {
    const config = await pickConfig(argument, 'Check the data of which config?');
    await saveConfig(config);
    const report = await withProgress('Checking the data', (signal, say) =>
      services.checks.check(config, { signal, onMessage: say }),
    );
    services.walkthrough.done('check');
    const errors = report.findings.filter((finding) => finding.severity === 'error').length;
    const warnings = report.findings.filter((finding) => finding.severity === 'warning').length;
    if (errors + warnings === 0) {
      void showInfo('No problems found in the data.');
      return report;
    }
    const show = 'Show Problems';
    const text = `The data has ${counted(errors, 'error')} and ${counted(warnings, 'warning')}.`;
    const message = errors > 0 ? showError(text, show) : showWarning(text, show);
    void message.then((choice) => {
      if (choice === show) void vscode.commands.executeCommand('workbench.actions.view.problems');
    });
    return report;
  },
};
