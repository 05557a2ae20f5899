// The thread that checks configs against the files they name (src/extension/config/lintThread.ts starts it).
import { diagnoseInEditor } from '../../config/diagnose';
import { spread, type CallsOf } from '../../rpc';
import { serveThread } from '../../rpc/threads';
import { ConfigLinter } from './linter';

const linter = new ConfigLinter();
const methods = { lint: linter.lint.bind(linter), diagnose: diagnoseInEditor };

serveThread<CallsOf<typeof methods>>(spread(methods));
