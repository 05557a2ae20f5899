// The thread that checks configs against the files they name (src/extension/editors/config starts it).
import { serveThread } from '../../rpc/serveThread';
import { ConfigLinter } from './linter';

const linter = new ConfigLinter();
serveThread({ lint: linter.lint.bind(linter) });
