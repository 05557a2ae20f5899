import '../ui/base.css';
import './checkpoint.css';
import type { CheckpointContract, CheckpointViewState } from '../../src/protocol/checkpoint';
import { byId } from '../ui/dom';
import { connectHost } from '../ui/host';
import { CheckpointView } from './view';

const host = connectHost<CheckpointContract, CheckpointViewState>();
const view = new CheckpointView(byId('app'), host);
host.on('changed', () => void view.open());
void view.open();
