/**
 * Seeded random numbers that are a function of what they are for, not of how many were drawn before. A stream is named by
 * integers (seed, epoch, index, crop, …), so a resumed run, or one with another number of loader threads, draws the same.
 */
export class RandomStream {
  private counter = 0;
  private readonly key: number;
  private readonly key2: number;

  constructor(...path: number[]) {
    let a = 0x9e3779b9;
    let b = 0x7f4a7c15;
    for (const part of path) {
      a = mix(a ^ (part >>> 0));
      b = mix((b + Math.imul(part >>> 0, 0x85ebca6b) + 0x165667b1 + Math.floor(part / 2 ** 32)) >>> 0);
    }
    this.key = a;
    this.key2 = b;
  }

  /** 32 random bits. */
  private next32(): number {
    this.counter = (this.counter + 1) >>> 0;
    return mix((mix((this.counter + this.key) >>> 0) ^ this.key2) >>> 0);
  }

  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number {
    const high = this.next32() >>> 5;
    const low = this.next32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform in [low, high). */
  range(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Uniform integer in [low, high). */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low));
  }

  /** Standard normal (Box–Muller). */
  normal(): number {
    const u = 1 - this.uniform();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A permutation of 0..n-1 (Fisher–Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(0, i + 1);
      const keep = order[i]!;
      order[i] = order[j]!;
      order[j] = keep;
    }
    return order;
  }
}

/** A 32-bit finaliser with full avalanche (murmur3's constants). */
function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Turns a name into an integer for a stream's path (FNV-1a over UTF-8). */
export function streamId(name: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) h = Math.imul(h ^ byte, 0x01000193) >>> 0;
  return h;
}
