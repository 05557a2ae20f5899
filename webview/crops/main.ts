import '../ui/base.css';
import './crops.css';
import type { CropsContract, CropsState } from '../../src/protocol/crops';
import { byId } from '../ui/dom';
import { connectHost } from '../ui/host';
import { CropsView } from './view';

const host = connectHost<CropsContract, CropsState>();
const view = new CropsView(byId('app'), host);
host.on('config', () => void view.refresh());
void view.refresh();
