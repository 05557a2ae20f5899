/** Which network of a file that holds several: the trained one, one that follows it, or an average of its weights. */
export type Branch = 'student' | 'teacher' | 'ema';

export const BRANCHES: readonly Branch[] = ['student', 'teacher', 'ema'];

/** Words of a key as trainings name their networks: `state_dict_ema`, `modelEma`, `encoder_k`, `online_network`. */
const WORDS: readonly (readonly [Branch, RegExp])[] = [
  ['ema', /(^|[_-])(ema|EMA|swa|averaged|shadow|polyak)([_-]|$)|^ema[A-Z]|[a-z](EMA|Ema)$/],
  ['teacher', /(^|[_-])(teacher|target|momentum)([_-]|$)|^(encoder|backbone|model|net)_k$|^key_(encoder|net)/],
  [
    'student',
    /(^|[_-])(student|online|main)([_-]|$)|^(encoder|backbone|model|net)_q$|^query_(encoder|net)|^base_encoder$/,
  ],
];

/** Parts of names that hold no weights of a network, but numbers of the same shapes. */
const OPTIMIZER =
  /optimi[sz]er|scheduler|^optim|^opt(_|$)|^(exp_avg|exp_avg_sq|momentum_buffer|master_(params|weights)|grads?|gradients|grad_scaler|scaler|amp)(_|$)/i;

/** The branch that the parts of a prefix name, the last of them that names one; undefined where none does. */
export function branchOf(parts: readonly string[]): Branch | undefined {
  for (const part of [...parts].reverse()) {
    const found = WORDS.find(([, words]) => words.test(part));
    if (found) return found[0];
  }
  return undefined;
}

export const isOptimizer = (parts: readonly string[]): boolean => parts.some((part) => OPTIMIZER.test(part));

const TITLES: Record<Branch, string> = { student: 'student', teacher: 'teacher', ema: 'EMA' };

/** "student", "teacher", "EMA": as people read it. */
export const branchTitle = (branch: Branch): string => TITLES[branch];
