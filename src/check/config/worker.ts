// The thread that checks configs against the files they name (src/config/lintThread.ts starts it).
import { serveThread } from '../../rpc/serveThread';
import { ConfigLinter } from './linter';

const linter = new ConfigLinter();
serveThread({ lint: linter.lint.bind(linter) });
