import 'uplot/dist/uPlot.min.css';
import '../ui/base.css';
import './curves.css';
import type { CurvesContract, CurvesState } from '../../src/protocol/curves';
import { connectHost } from '../ui/host';
import { byId } from '../ui/dom';
import { CurvesView } from './view';

const host = connectHost<CurvesContract, CurvesState>();
const view = new CurvesView(byId('app'), host);
host.on('changed', ({ runs }) => view.refresh(runs));
host.on('runs', ({ show }) => void view.open(show));
void view.open();
