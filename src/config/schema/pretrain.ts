import type { FromSchema } from 'json-schema-to-ts';
import { dataSchema } from './data';
import { methodSchema } from './method';
import { networkSchema } from './network';
import { pathString } from '../../schema/shapes';
import { optimizerSchema, scheduleSchema, trainSchema } from './training';

/** The JSON Schema of a pre-training config: the one source of types, defaults, validation, completion and hovers. */
export const pretrainSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'VoCo pre-training config',
  type: 'object',
  description: 'VoCo self-supervised pre-training on 3-D volumes. Relative paths start at the folder of this file.',
  additionalProperties: false,
  required: ['kind', 'data'],
  properties: {
    $schema: {
      type: 'string',
      default: '',
      description: 'Where editors find this schema.',
      examples: ['voco.schema.json'],
    },
    kind: { const: 'pretrain', description: 'What the config is for.', examples: ['pretrain'] },
    name: {
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$',
      patternErrorMessage: 'letters, digits, ".", "_" and "-" (at most 80), not starting with a sign',
      default: 'pretrain',
      description: 'Name of the experiment; run folders start with it. Letters, digits, ".", "_" and "-".',
      examples: ['voco-btcv'],
    },
    seed: {
      type: 'integer',
      minimum: 0,
      maximum: 4294967295,
      default: 0,
      description: 'Seed of everything random: weights, order, crops, augmentation. Same seed, same run.',
      examples: [0],
    },
    device: {
      type: 'string',
      pattern: '^(auto|cuda|webgpu|onednn|wasm|cpu|(cuda|webgpu):.+)$',
      meant: {
        ...Object.fromEntries(
          ['gpu', 'nvidia', 'amd', 'rocm', 'vulkan', 'metal', 'mps', 'xpu'].map((word) => [word, 'webgpu']),
        ),
        ...Object.fromEntries(['mkl', 'mkldnn', 'dnnl'].map((word) => [word, 'onednn'])),
      },
      patternErrorMessage: 'one of auto, cuda, webgpu, onednn, wasm, cpu, or "webgpu:1", "webgpu:<name>"',
      default: 'auto',
      description:
        'Where to compute: cuda, webgpu (any GPU), onednn (CPU), wasm or cpu (slow), or auto for the first of these that ' +
        'works. One of several GPUs: "webgpu:1" by number, "webgpu:<name>" by part of its name.',
      examples: ['auto', 'onednn', 'webgpu', 'webgpu:1'],
    },
    threads: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'CPU threads for computing. 0: all cores.',
      examples: [0, 8],
    },
    precision: {
      type: 'string',
      enum: ['float32', 'bf16', 'float16'],
      default: 'float32',
      description:
        'Numbers that convolutions, products and attention multiply; sums, weights and all else stay in float32. bf16: ' +
        'device onednn; float16: device webgpu, with gradients scaled so that small ones are not lost. Both need hardware for it.',
      examples: ['float32', 'bf16', 'float16'],
    },
    output: {
      ...pathString,
      default: 'runs',
      description: 'Folder in which run folders are made.',
      examples: ['runs'],
    },
    data: dataSchema,
    method: methodSchema,
    network: networkSchema,
    optimizer: optimizerSchema,
    schedule: scheduleSchema,
    train: trainSchema,
  },
} as const;

/** A config with every default filled in. */
export type PretrainConfig = FromSchema<typeof pretrainSchema>;

/** What may be written in a file: everything that has a default may be left out. */
export type PretrainConfigInput = FromSchema<typeof pretrainSchema, { keepDefaultedPropertiesOptional: true }>;
