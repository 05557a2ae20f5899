import { expectTypeOf, test } from 'vitest';
import type {
  DataConfig,
  MethodConfig,
  NetworkConfig,
  PreprocessConfig,
  PretrainConfig,
} from '../../../src/config/types';

test('types follow the schema', () => {
  expectTypeOf<MethodConfig['grid']>().toEqualTypeOf<[number, number, number]>();
  expectTypeOf<PreprocessConfig['spacing']>().toEqualTypeOf<[number, number, number] | null>();
  expectTypeOf<DataConfig['channel']>().toEqualTypeOf<number | 'all'>();
  expectTypeOf<NetworkConfig['name']>().toEqualTypeOf<'swin-unetr' | 'unet3d'>();
  expectTypeOf<PretrainConfig['optimizer']['clipNorm']>().toEqualTypeOf<number | null>();
});
