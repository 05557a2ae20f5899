/** The closed-form numbers of the fixtures (test/fixtures/README.md): every weight and input from a name, an index and a seed. */

function fnv1a32(name: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(name, 'utf8')) h = Math.imul(h ^ byte, 0x01000193) >>> 0;
  return h;
}

function finish(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

type Shape5 = readonly [number, number, number, number, number];

/** The numbers of one seed. */
export class Formula {
  constructor(readonly seed: number) {}

  /** hash(name, i, seed). */
  hashAt(name: string, i: number): number {
    return finish(fnv1a32(name) + this.seed + Math.imul(i, 0x9e3779b9));
  }

  /** hash(name, i, seed) for i in 0..count-1. */
  hashes(name: string, count: number): Uint32Array {
    const start = fnv1a32(name) + this.seed;
    return Uint32Array.from({ length: count }, (_, i) => finish(start + Math.imul(i, 0x9e3779b9)));
  }

  /** uniform(name, i, seed) for i in 0..count-1, as doubles. */
  uniforms(name: string, count: number): Float64Array {
    return Float64Array.from(this.hashes(name, count), (hash) => hash / 2 ** 31 - 1);
  }

  /** randint(name, i, seed, high) for i in 0..count-1. */
  integers(name: string, count: number, high: number): Uint32Array {
    return Uint32Array.from(this.hashes(name, count), (hash) => hash % high);
  }

  /** f32(uniform(name, shape, seed)). */
  uniformArray(name: string, shape: readonly number[]): Float32Array {
    return Float32Array.from(this.uniforms(name, product(shape)));
  }

  /** param_value(name, torch shape, seed). */
  parameterValue(name: string, shape: readonly number[]): Float32Array {
    const u = this.uniforms(name, product(shape));
    if (name.endsWith('relative_position_bias_table')) return Float32Array.from(u, (x) => 0.5 * x);
    if (/(^|\.)gamma_[12]$/.test(name)) return Float32Array.from(u, (x) => 0.1 + 0.05 * x);
    if (shape.length >= 2) {
      const bound = Math.sqrt(3 / product(shape.slice(1)));
      return Float32Array.from(u, (x) => x * bound);
    }
    if (name.endsWith('.weight') || name.endsWith('running_var')) return Float32Array.from(u, (x) => 1 + 0.1 * x);
    return Float32Array.from(u, (x) => 0.1 * x);
  }

  /** image(name, (N, C, D, H, W), seed), in that order. */
  image(name: string, shape: Shape5): Float32Array {
    const [n, c, d, h, w] = shape;
    const lattice = this.uniforms(`${name}#lattice`, n * c * 125);
    const noise = this.uniforms(name, product(shape));
    const axis = (size: number) =>
      Array.from({ length: size }, (_, i) => {
        const position = (i * 4) / size;
        return [Math.floor(position), position - Math.floor(position)] as const;
      });
    const [ds, hs, ws] = [axis(d), axis(h), axis(w)];
    const lerp = (x: number, y: number, t: number) => x + (y - x) * t;
    const values = new Float32Array(product(shape));
    let at = 0;
    for (let nc = 0; nc < n * c; nc++) {
      const value = (a: number, b: number, e: number) => lattice[nc * 125 + a * 25 + b * 5 + e]!;
      const row = (a: number, b: number, e: number, t: number) => lerp(value(a, b, e), value(a, b, e + 1), t);
      for (const [a, td] of ds) {
        for (const [b, th] of hs) {
          for (const [e, tw] of ws) {
            const plane = (x: number) => lerp(row(x, b, e, tw), row(x, b + 1, e, tw), th);
            values[at] = 0.5 + 0.5 * (0.75 * lerp(plane(a), plane(a + 1), td) + (1 - 0.75) * noise[at]!);
            at++;
          }
        }
      }
    }
    return values;
  }
}
