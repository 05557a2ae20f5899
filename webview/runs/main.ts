import '../ui/base.css';
import './runs.css';
import type { RunsTableContract, RunsTableState } from '../../src/protocol/runs';
import { byId } from '../ui/dom';
import { connectHost } from '../ui/host';
import { RunsTableView } from './view';

const host = connectHost<RunsTableContract, RunsTableState>();
const view = new RunsTableView(byId('app'), host);
host.on('changed', ({ ids, gone }) => void view.changed(ids, gone));
void view.open();
