import 'uplot/dist/uPlot.min.css';
import '../ui/base.css';
import '../volume/volume.css';
import './compare.css';
import type { CompareContract, CompareState } from '../../src/protocol/compare';
import { byId } from '../ui/dom';
import { connectHost } from '../ui/host';
import { CompareView } from './view';

const host = connectHost<CompareContract, CompareState>();
const view = new CompareView(byId('app'), host);
host.on('changed', () => void view.open());
host.on('grown', () => view.grown());
void view.open();
