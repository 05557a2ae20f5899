import type { VocoMethod } from '../../../src/pretext/voco/descriptor';
import type { NetworkName } from '../../../src/nets/descriptors';
import type { DataConfig, NetworkConfig, PreprocessConfig, PretrainConfig } from '../../../src/config/types';

/** The compiler checks this file (`tsc -p .`): config types follow the schema. Nothing of it runs. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Expect<T extends true> = T;

export type TypesFollowTheSchema = [
  Expect<Same<VocoMethod['grid'], [number, number, number]>>,
  Expect<Same<PreprocessConfig['spacing'], [number, number, number] | null>>,
  Expect<Same<DataConfig['channel'], number | 'all' | 'random'>>,
  Expect<Same<NetworkConfig['name'], NetworkName>>,
  Expect<Same<PretrainConfig['optimizer']['clipNorm'], number | null>>,
];
