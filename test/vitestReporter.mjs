// A reporter of vitest: writes what became of each test to the file that VOCO_REPORT names, for test/run.mjs.
import { writeFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import process from 'node:process';

export default class {
  onInit(vitest) {
    this.root = vitest.config.root;
  }

  onTestRunEnd(modules, unhandledErrors) {
    const results = [];
    const errors = unhandledErrors.map((error) => `an error outside of tests: ${error.message}`);
    for (const module of modules) {
      const file = relative(this.root, module.moduleId).split(sep).join('/');
      // A file that cannot be loaded has no tests, and a failed hook only skips them.
      for (const holder of [module, ...module.children.allSuites()])
        for (const { message } of holder.errors()) errors.push(`${file}: ${message}`);
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        const ms = test.diagnostic()?.duration;
        const reason = state === 'skipped' ? (test.meta().skipReason ?? note) : undefined;
        results.push({ file, test: test.fullName, state: state === 'pending' ? 'skipped' : state, reason, ms });
      }
    }
    writeFileSync(process.env.VOCO_REPORT, JSON.stringify({ results, errors }));
  }
}
