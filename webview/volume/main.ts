import '../ui/base.css';
import './volume.css';
import './page.css';
import type { VolumeContract, VolumeState } from '../../src/protocol/volume';
import { byId } from '../ui/dom';
import { connectHost } from '../ui/host';
import { Viewer } from './viewer';

// Marks tell bench/viewer.mjs where the time goes.
performance.mark('script');
const host = connectHost<VolumeContract, VolumeState>();
const viewer = new Viewer(byId('app'), host);
host.on('changed', ({ path }) => void viewer.open(path));
host.on('trouble', ({ volume, message }) => viewer.trouble(volume, message));
void viewer.open();
