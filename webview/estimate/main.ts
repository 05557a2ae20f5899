import '../ui/base.css';
import './estimate.css';
import type { EstimateContract, EstimateState } from '../../src/protocol/estimate';
import { byId } from '../ui/dom';
import { connectHost } from '../ui/host';
import { EstimateView } from './view';

const host = connectHost<EstimateContract, EstimateState>();
const view = new EstimateView(byId('app'), host);
host.on('progress', (text) => view.progress(text));
host.on('changed', ({ again }) => view.configChanged(again));
view.open();
