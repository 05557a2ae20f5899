import { significant } from '../text';
import type { Config } from './types';

/** What the rate of a phase does: rises linearly to its peak, falls from it as `schedule.name` says, or falls linearly. */
export type Curve = 'rise' | 'fall' | 'line';

/** A part of a fine-tuning in which the same weights are trained, and the rate follows one curve. */
export interface Phase {
  /** Optimizer steps done before its first and after its last step. */
  readonly first: number;
  readonly end: number;
  /** The new weights alone, or those of the checkpoint in the encoder as well. */
  readonly trains: 'new' | 'all';
  readonly curve: Curve;
  /** Its highest rate as a multiple of optimizer.lr. */
  readonly rate: number;
}

type PhasesConfig = Extract<Config, { kind: 'finetune' }>['schedule']['phases'];

type Part = Omit<Phase, 'first' | 'end'> & { readonly steps: number };

const all = (curve: Curve, steps: number): Part => ({ trains: 'all', curve, rate: 1, steps });

function parts(phases: PhasesConfig, total: number): Part[] {
  const stepsOf = (share: number): number => Math.round(share * total);
  switch (phases.name) {
    case 'default':
      return [];
    case 'frozen': {
      const own = { trains: 'new', rate: 1 } as const;
      return [
        { ...own, curve: 'rise', steps: stepsOf(phases.warmup) },
        { ...own, curve: 'fall', steps: Infinity },
      ];
    }
    case 'warm-up':
      return [all('rise', stepsOf(phases.warmup)), all('fall', Infinity)];
    case 'sawtooth': {
      const decoder = stepsOf(phases.decoder);
      // As in the source: of 15 epochs, 7 rise and 8 fall.
      const rise = Math.floor(decoder / 2);
      const own = { trains: 'new', rate: phases.decoderRate } as const;
      return [
        { ...own, curve: 'rise', steps: rise },
        { ...own, curve: 'fall', steps: decoder - rise },
        all('rise', stepsOf(phases.warmup)),
        all('fall', Infinity),
      ];
    }
    case 'valley':
      return [
        { trains: 'new', curve: 'line', rate: phases.decoderRate, steps: stepsOf(phases.decoder) },
        all('rise', stepsOf(phases.warmup)),
        all('fall', Infinity),
      ];
  }
}

/**
 * The phases of a run, one after the other; none where `schedule.phases` is the default, and in pre-training. They lie in the steps
 * of the whole run, so a resume finds the one that it is in from the step alone.
 *
 * Source: MIC-DKFZ/nnUNet's pre-trained trainers (TaWald/nnUNet, nnssl_finetuning_inclusion) in steps instead of epochs.
 *
 * @param total optimizer steps of the whole run
 */
export function phasesOf(config: Config, total: number): Phase[] {
  if (config.kind !== 'finetune') return [];
  let first = 0;
  return parts(config.schedule.phases, total).flatMap(({ steps, ...part }) => {
    const phase = { ...part, first, end: Math.min(total, first + steps) };
    first = phase.end;
    return phase.end > phase.first ? [phase] : [];
  });
}

/** How many steps from the start keep what the encoder has of its checkpoint, by phases or by `init.freezeFor`. */
export function stepsKept(config: Config, total: number): number {
  if (config.kind !== 'finetune') return 0;
  const { checkpoint, freezeEncoder, freezeFor } = config.init;
  if (freezeEncoder) return total;
  // Random weights have nothing to keep.
  if (checkpoint === null) return 0;
  const phases = phasesOf(config, total);
  if (phases.length === 0) return Math.round(freezeFor * total);
  return Math.max(0, ...phases.filter(({ trains }) => trains === 'new').map(({ end }) => end));
}

function phaseText({ first, end, trains, curve, rate }: Phase, { schedule, optimizer }: Config): string {
  const what = trains === 'new' ? 'the new weights' : 'the whole network';
  const peak = significant(rate * optimizer.lr, 3);
  const falls = schedule.name === 'constant' ? `rate ${peak}` : `rate falls from ${peak}`;
  const how = { rise: `rate rises to ${peak}`, fall: falls, line: `rate falls linearly from ${peak}` }[curve];
  return `steps ${first + 1} to ${end}: ${what}, ${how}`;
}

/** What a run trains when, for people: a line from the step on that is named; none where it trains all weights alike. */
export function phaseLines(config: Config, total: number): { readonly first: number; readonly text: string }[] {
  const phases = phasesOf(config, total);
  if (phases.length > 0) return phases.map((phase) => ({ first: phase.first, text: phaseText(phase, config) }));
  const kept = stepsKept(config, total);
  if (kept === 0) return [];
  const lines = [{ first: 0, text: `steps 1 to ${kept}: all but the encoder` }];
  return kept < total ? [...lines, { first: kept, text: `steps ${kept + 1} to ${total}: the whole network` }] : lines;
}

/** The fine-tuning schedule of a config in a few words: "sawtooth (decoder 0.1, warmup 0.1, decoderRate 1), poly". */
export function phasesTitle({ schedule }: Extract<Config, { kind: 'finetune' }>): string {
  const { name, ...shares } = schedule.phases;
  const texts = Object.entries(shares).map(([key, value]) => `${key} ${String(value)}`);
  return `${name}${texts.length > 0 ? ` (${texts.join(', ')})` : ''}, ${schedule.name}`;
}
