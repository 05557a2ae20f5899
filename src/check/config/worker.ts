// The thread that checks configs against the files they name (src/extension/config/lintThread.ts starts it).
import { spread, type CallsOf } from '../../rpc';
import { serveThread } from '../../rpc/threads';
import { ConfigLinter } from './linter';

const linter = new ConfigLinter();
const methods = { lint: linter.lint.bind(linter) };

serveThread<CallsOf<typeof methods>>(spread(methods));
