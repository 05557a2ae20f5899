import '../ui/base.css';
import './results.css';
import type { ResultsContract, ResultsState } from '../../src/protocol/results';
import { byId } from '../ui/dom';
import { connectHost } from '../ui/host';
import { ResultsView } from './view';

const host = connectHost<ResultsContract, ResultsState>();
const view = new ResultsView(byId('app'), host);
host.on('changed', () => void view.open());
host.on('show', ({ run }) => void view.open(run));
void view.open();
