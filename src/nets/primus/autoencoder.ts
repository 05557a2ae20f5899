import { voxelCount } from '../../geometry';
import { fillRows, gatherRows, tokenRows } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { Scope } from '../layers';
import { ParameterSet, type Parameter, type ParameterSetOptions } from '../parameters';
import type { TokenAutoencoder } from '../types';
import type { VisibleVoxels } from '../visible';
import { DECODER_DEPTH } from './cost';
import type { PrimusSection } from './descriptor';
import { blockShapeOf, Eva } from './eva';
import { Primus } from './primus';

/** Standard deviation of the first token, as in nnssl. */
const TOKEN_STD = 1e-6;

/**
 * A masked autoencoder on Primus (nnssl's evaMAE_module.py): the visible tokens pass the transformer, a token takes the hidden places,
 * and a second, small transformer with positions of its own sees all of them before the patch decoder does. Mask and tokens are in one
 * order. (In nnssl's they are not: tokens are flattened with the first two axes exchanged.)
 */
export class PrimusAutoencoder implements TokenAutoencoder {
  readonly network: Primus;
  readonly between: ParameterSet;
  private readonly token: Parameter;
  private readonly decoder: Eva;

  constructor(section: PrimusSection, outChannels: number, init: ParameterSetOptions, between: ParameterSetOptions) {
    this.network = new Primus(section, outChannels, init);
    this.between = new ParameterSet(between);
    const { tokens, grid } = this.network.trunk;
    this.token = this.between.add('mask_token', [tokens.channels], { kind: 'normal', std: TOKEN_STD });
    this.decoder = new Eva(new Scope(this.between), blockShapeOf(section), DECODER_DEPTH, voxelCount(grid));
  }

  restore(x: tf.Tensor5D, visible: VisibleVoxels): tf.Tensor5D {
    const { trunk, decoder } = this.network;
    this.network.checkSize([x.shape[1], x.shape[2], x.shape[3]]);
    const marks = visible.marks(trunk.tokens.stride);
    if (!marks) throw new Error('tokens are larger than what is hidden');
    const rows = tokenRows(marks, x.shape[0]);
    return tf.tidy(() => {
      const placed = trunk.eva.placed(trunk.asTokens(trunk.embedding.forward(x)));
      const seen = trunk.eva.mixed(gatherRows(placed, rows), trunk.rotary.of(rows));
      const all = this.decoder.placed(fillRows(seen, this.token.get<tf.Tensor1D>(), rows));
      return decoder.forward(trunk.asGrid(this.decoder.mixed(all, trunk.rotary.all())));
    });
  }
}
