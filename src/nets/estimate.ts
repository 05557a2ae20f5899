import { voxelCount, type Vec3 } from '../geometry';
import { countParameters, swinOptions } from './create';
import { MLP_RATIO, WINDOW } from './swin-unetr/blocks';
import type { NetworkConfig } from './types';
import { windowSize, paddedSize } from '../tensor/ops/windows';

const BYTES = 4;

export interface NetworkEstimate {
  /** Trainable numbers. */
  parameters: number;
  /** Floating point operations (a multiply and an add are two) of one forward pass of one crop. A backward pass takes twice that. */
  forwardFlops: number;
  /** Bytes of activations that a forward pass of one crop keeps for the backward pass, float32. */
  trainingBytes: number;
  /** Largest bytes alive at once in a forward pass of one crop without gradients. */
  inferenceBytes: number;
}

/** Adds up operations, and elements kept for the backward pass. */
class Cost {
  flops = 0;
  kept = 0;
  /** Elements alive at once in the largest block. */
  peak = 0;

  /** A convolution of `voxels` outputs; its input is kept. */
  conv(inVoxels: number, outVoxels: number, inChannels: number, outChannels: number, kernel: number): void {
    this.flops += 2 * outVoxels * inChannels * outChannels * kernel ** 3;
    this.kept += inVoxels * inChannels;
  }

  dense(tokens: number, inSize: number, outSize: number): void {
    this.conv(tokens, tokens, inSize, outSize, 1);
  }

  /** What a normalisation keeps that no other layer keeps. */
  keep(elements: number): void {
    this.kept += elements;
  }

  block(elementsAlive: number): void {
    this.peak = Math.max(this.peak, elementsAlive);
  }
}

const volume = (size: Vec3): number => voxelCount(size);
const halve = (size: Vec3): Vec3 => [Math.ceil(size[0] / 2), Math.ceil(size[1] / 2), Math.ceil(size[2] / 2)];

function residualBlock(cost: Cost, size: Vec3, inChannels: number, outChannels: number): void {
  const voxels = volume(size);
  const out = voxels * outChannels;
  cost.conv(voxels, voxels, inChannels, outChannels, 3);
  cost.conv(voxels, voxels, outChannels, outChannels, 3);
  cost.keep(out);
  if (inChannels !== outChannels) {
    cost.conv(voxels, voxels, inChannels, outChannels, 1);
    cost.keep(out);
  }
  cost.block(voxels * inChannels + 3 * out);
}

function upBlock(cost: Cost, size: Vec3, inChannels: number, outChannels: number): void {
  const voxels = volume(size);
  cost.conv(voxels / 8, voxels / 8, inChannels, 8 * outChannels, 1);
  residualBlock(cost, size, 2 * outChannels, outChannels);
}

function swinBlock(cost: Cost, size: Vec3, channels: number): void {
  const tokens = volume(size);
  const { window } = windowSize(size as [number, number, number], WINDOW, WINDOW);
  const padded = volume(paddedSize(size as [number, number, number], window));
  cost.keep(2 * tokens * channels);
  cost.dense(tokens, channels, 3 * channels);
  cost.flops += 4 * padded * volume(window) * channels;
  cost.keep(3 * tokens * channels);
  cost.dense(tokens, channels, channels);
  cost.dense(tokens, channels, MLP_RATIO * channels);
  cost.dense(tokens, MLP_RATIO * channels, channels);
  cost.block((2 + 2 * MLP_RATIO) * tokens * channels);
}

function swinEncoder(cost: Cost, config: NetworkConfig, size: Vec3): Vec3[] {
  const { featureSize: f, depths, useV2, inChannels } = swinOptions(config);
  const sizes: Vec3[] = [size];
  for (let i = 0; i < 5; i++) sizes.push(halve(sizes[i]!));
  cost.conv(volume(size), volume(sizes[1]!), inChannels, f, 2);
  depths.forEach((depth, i) => {
    const [at, channels] = [sizes[i + 1]!, f * 2 ** i];
    if (useV2) residualBlock(cost, at, channels, channels);
    for (let block = 0; block < depth; block++) swinBlock(cost, at, channels);
    cost.keep(volume(at) * channels);
    cost.dense(volume(sizes[i + 2]!), 8 * channels, 2 * channels);
  });
  residualBlock(cost, size, inChannels, f);
  [f, 2 * f, 4 * f].forEach((channels, i) => residualBlock(cost, sizes[i + 1]!, channels, channels));
  residualBlock(cost, sizes[5]!, 16 * f, 16 * f);
  return sizes;
}

function swinDecoder(cost: Cost, featureSize: number, sizes: Vec3[]): void {
  [16, 8, 4, 2, 1].forEach((multiple, i) => {
    upBlock(cost, sizes[4 - i]!, multiple * featureSize, Math.max(multiple / 2, 1) * featureSize);
  });
}

function doubleConv(cost: Cost, inVoxels: number, voxels: number, inChannels: number, outChannels: number): void {
  const out = voxels * outChannels;
  cost.conv(inVoxels, voxels, inChannels, outChannels, 3);
  cost.conv(voxels, voxels, outChannels, outChannels, 3);
  cost.block(inVoxels * inChannels + 2 * out);
}

function unet(cost: Cost, config: NetworkConfig, size: Vec3, decoder: boolean): void {
  const channels = [0, 1, 2, 3, 4].map((level) => config.featureSize * 2 ** level);
  const voxels = channels.map((_, level) => volume(size) / 8 ** level);
  doubleConv(cost, voxels[0]!, voxels[0]!, config.inChannels ?? 1, channels[0]!);
  for (let level = 1; level < 5; level++) {
    doubleConv(cost, voxels[level - 1]!, voxels[level]!, channels[level - 1]!, channels[level]!);
  }
  for (let level = 3; level >= 0 && decoder; level--) {
    cost.conv(voxels[level + 1]!, voxels[level + 1]!, channels[level + 1]!, 8 * channels[level]!, 1);
    doubleConv(cost, voxels[level]!, voxels[level]!, 2 * channels[level]!, channels[level]!);
  }
}

/**
 * What one crop costs, from the shapes alone: the encoder, or the segmentation network where `outChannels` is given.
 * Layers that only move or add numbers are left out.
 *
 * @param size the crop as the network sees it, in voxels.
 */
export function estimate(config: NetworkConfig, size: Vec3, outChannels?: number): NetworkEstimate {
  const cost = new Cost();
  const segments = outChannels !== undefined;
  if (config.name === 'swin-unetr') {
    const sizes = swinEncoder(cost, config, size);
    if (segments) swinDecoder(cost, config.featureSize, sizes);
  } else {
    unet(cost, config, size, segments);
  }
  if (segments) cost.conv(volume(size), volume(size), config.featureSize, outChannels, 1);
  return {
    parameters: countParameters(config, outChannels),
    forwardFlops: cost.flops,
    trainingBytes: BYTES * cost.kept,
    inferenceBytes: BYTES * (cost.peak + skipElements(config, size)),
  };
}

/** Features that wait for the end of a forward pass: the pooled scales. */
function skipElements(config: NetworkConfig, size: Vec3): number {
  const swin = config.name === 'swin-unetr';
  const multiples: [number, number][] = swin ? [[1, 0], [1, 1], [2, 2], [4, 3]] : [[1, 0], [2, 1], [4, 2], [8, 3]]; // prettier-ignore
  const features = multiples.reduce((sum, [channels, level]) => sum + channels / 8 ** level, 0);
  return features * config.featureSize * volume(size);
}
