// 3×3×3 convolution of stride 1 by Winograd's minimal filtering, F(2,3) along each axis: 64 multiplications for 8 outputs
// instead of 216 (Winograd 1980; Lavin and Gray, "Fast algorithms for convolutional neural networks"). Tiles of 2³ outputs
// are transformed to 4³ coefficients, each coefficient is a matrix product over channels, and the result is transformed back.

struct Tiling {
  int64_t per[3];  // tiles along each axis
  int64_t count;   // of the batch
  int64_t block;   // tiles that a thread works on together
  int64_t blocks;
};

static Tiling tilingOf(const Winograd& c) {
  Tiling t;
  t.count = c.batch;
  for (int d = 0; d < 3; d++) {
    t.per[d] = (c.out[d] + 1) / 2;
    t.count *= t.per[d];
  }
  // As many as keep both sets of coefficients near a core, and at least two register tiles.
  const int64_t fit = 768 * 1024 / (64 * 4 * (c.inChannels + c.outChannels));
  t.block = most(2, fit / 12) * 12;
  t.blocks = (t.count + t.block - 1) / t.block;
  return t;
}

/** Floats between the coefficients of a block: one line more than they need, so that the 64 do not share cache sets. */
static inline int64_t coefficientStride(const Tiling& t, int64_t channels) { return t.block * channels + 16; }

/** Threads that work on the filter's gradient: each has coefficients of its own, so not too many for large filters. */
static int64_t weightThreads(const Winograd& c, int64_t threads) {
  const int64_t bytes = 64 * c.inChannels * c.outChannels * 4;
  return most(1, least(least(threads, tilingOf(c).blocks), (int64_t(128) << 20) / bytes));
}

/** Floats of working memory for a call. */
static int64_t winogradFloats(const Winograd& c, bool weights, int64_t threads) {
  const Tiling t = tilingOf(c);
  const int64_t filter = 64 * c.inChannels * c.outChannels;
  const int64_t block = 64 * (coefficientStride(t, c.inChannels) + coefficientStride(t, c.outChannels));
  const int64_t zeros = roundUp(most(c.inChannels, c.outChannels), 16);
  return zeros + (weights ? weightThreads(c, threads) * (filter + block) : filter + threads * block);
}

/** Three filter taps to four coefficients. */
static inline void filterLine(const Lanes* g, int64_t from, Lanes* u, int64_t to) {
  const Lanes ends = g[0] + g[2 * from], middle = g[from];
  u[0] = g[0];
  u[to] = 0.5f * (ends + middle);
  u[2 * to] = 0.5f * (ends - middle);
  u[3 * to] = g[2 * from];
}

/** The coefficients U[64][in][out] of a filter; `flipped` takes it as [3,3,3,out,in] and turned round (data gradient). */
static void transformFilter(const Winograd& c, const float* filter, bool flipped, float* u) {
  const int64_t in = c.inChannels, out = c.outChannels, rows = 16;
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t first = 0; first < in; first += rows) {
    for (int64_t o = 0; o < out; o += kLanes) {
      for (int64_t i = first; i < least(in, first + rows); i++) {
        Lanes g[27], a[36], b[48], w[64];
        for (int k = 0; k < 27; k++) {
          if (flipped) {
            for (int l = 0; l < kLanes; l++) g[k][l] = filter[((26 - k) * out + o + l) * in + i];
          } else {
            g[k] = loadLanes(filter + (k * in + i) * out + o);
          }
        }
        for (int k = 0; k < 9; k++) filterLine(g + k, 9, a + k, 9);
        for (int k = 0; k < 12; k++) filterLine(a + k / 3 * 9 + k % 3, 3, b + k / 3 * 12 + k % 3, 3);
        for (int k = 0; k < 16; k++) filterLine(b + k * 3, 1, w + k * 4, 1);
        for (int f = 0; f < 64; f++) storeLanes(u + (f * in + i) * out + o, w[f]);
      }
    }
  }
}

/** The coefficients of a filter as right factors, where they are. */
static void factorFilter(const Winograd& c, float* u) {
  if (kDepth == 1) return;
  const int64_t size = c.inChannels * c.outChannels;
#pragma omp parallel for schedule(static)
  for (int f = 0; f < 64; f++) {
    rightOf(u + f * size, c.outChannels, c.inChannels, c.outChannels, reinterpret_cast<Factor*>(u + f * size));
  }
}

/** The gradient of a filter from that of its coefficients, summed over `parts` sets of them. */
static void gatherFilter(const Winograd& c, const float* du, int64_t parts, int64_t stride, float* dfilter) {
  const int64_t in = c.inChannels, out = c.outChannels;
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < in; i++) {
    for (int64_t o = 0; o < out; o += kLanes) {
      Lanes w[64], b[48], a[36], g[27];
      for (int f = 0; f < 64; f++) {
        w[f] = loadLanes(du + (f * in + i) * out + o);
        for (int64_t p = 1; p < parts; p++) w[f] += loadLanes(du + p * stride + (f * in + i) * out + o);
      }
      const auto line = [](const Lanes* from, int64_t fs, Lanes* to, int64_t ts) {
        const Lanes sum = 0.5f * (from[fs] + from[2 * fs]);
        to[0] = from[0] + sum;
        to[ts] = 0.5f * (from[fs] - from[2 * fs]);
        to[2 * ts] = from[3 * fs] + sum;
      };
      for (int k = 0; k < 16; k++) line(w + k * 4, 1, b + k * 3, 1);
      for (int k = 0; k < 12; k++) line(b + k / 3 * 12 + k % 3, 3, a + k / 3 * 9 + k % 3, 3);
      for (int k = 0; k < 9; k++) line(a + k, 9, g + k, 9);
      for (int k = 0; k < 27; k++) storeLanes(dfilter + (k * in + i) * out + o, g[k]);
    }
  }
}

/** Where the first output of a tile is, as batch and three coordinates. */
struct Corner {
  int64_t n, at[3];
};

static inline Corner cornerOf(const Tiling& t, int64_t tile) {
  Corner corner;
  for (int d = 2; d >= 0; d--) {
    corner.at[d] = tile % t.per[d] * 2;
    tile /= t.per[d];
  }
  corner.n = tile;
  return corner;
}

/** Addresses of a cube of voxels; those outside the volume point to zeros. */
template <int Side>
static inline void addresses(const float* x, const int64_t* size, int64_t channels, int64_t n, const int64_t* at,
                             const float* zeros, const float** to) {
  for (int z = 0; z < Side; z++) {
    for (int y = 0; y < Side; y++) {
      for (int w = 0; w < Side; w++, to++) {
        const int64_t d = at[0] + z, h = at[1] + y, v = at[2] + w;
        const bool inside = d >= 0 && d < size[0] && h >= 0 && h < size[1] && v >= 0 && v < size[2];
        *to = inside ? x + (((n * size[0] + d) * size[1] + h) * size[2] + v) * channels : zeros;
      }
    }
  }
}

/** The input coefficients of a tile: V[f·stride + c]. */
static inline void transformInput(const Winograd& c, const float* x, const Corner& corner, const float* zeros, float* v,
                                  int64_t stride) {
  const float* from[64];
  const int64_t at[3] = {corner.at[0] - c.pad[0], corner.at[1] - c.pad[1], corner.at[2] - c.pad[2]};
  addresses<4>(x, c.in, c.inChannels, corner.n, at, zeros, from);
  for (int64_t i = 0; i < c.inChannels; i += kLanes) {
    Lanes d[64];
    for (int k = 0; k < 64; k += 4) {
      const Lanes p = loadLanes(from[k] + i), q = loadLanes(from[k + 1] + i), r = loadLanes(from[k + 2] + i),
                  s = loadLanes(from[k + 3] + i);
      d[k] = p - r, d[k + 1] = q + r, d[k + 2] = r - q, d[k + 3] = q - s;
    }
    for (int k = 0; k < 64; k += (k % 16 == 3) ? 13 : 1) {
      const Lanes p = d[k], q = d[k + 4], r = d[k + 8], s = d[k + 12];
      d[k] = p - r, d[k + 4] = q + r, d[k + 8] = r - q, d[k + 12] = q - s;
    }
    for (int k = 0; k < 16; k++) {
      const Lanes p = d[k], q = d[k + 16], r = d[k + 32], s = d[k + 48];
      storeLanes(v + k * stride + i, p - r);
      storeLanes(v + (k + 16) * stride + i, q + r);
      storeLanes(v + (k + 32) * stride + i, r - q);
      storeLanes(v + (k + 48) * stride + i, q - s);
    }
  }
}

/** The coefficients of a tile of the output's gradient: M[f·stride + c]. */
static inline void transformGradient(const Winograd& c, const float* dy, const Corner& corner, const float* zeros, float* m,
                                     int64_t stride) {
  const float* from[8];
  addresses<2>(dy, c.out, c.outChannels, corner.n, corner.at, zeros, from);
  for (int64_t o = 0; o < c.outChannels; o += kLanes) {
    Lanes a[16], b[32];
    for (int k = 0; k < 4; k++) {
      const Lanes p = loadLanes(from[2 * k] + o), q = loadLanes(from[2 * k + 1] + o);
      a[4 * k] = p, a[4 * k + 1] = p + q, a[4 * k + 2] = p - q, a[4 * k + 3] = -q;
    }
    for (int z = 0; z < 2; z++) {
      for (int k = 0; k < 4; k++) {
        const Lanes p = a[8 * z + k], q = a[8 * z + 4 + k];
        Lanes* to = b + 16 * z + k;
        to[0] = p, to[4] = p + q, to[8] = p - q, to[12] = -q;
      }
    }
    for (int k = 0; k < 16; k++) {
      const Lanes p = b[k], q = b[16 + k];
      storeLanes(m + k * stride + o, p);
      storeLanes(m + (k + 16) * stride + o, p + q);
      storeLanes(m + (k + 32) * stride + o, p - q);
      storeLanes(m + (k + 48) * stride + o, -q);
    }
  }
}

/** The outputs of a tile from its coefficients; those outside the volume are left out. */
static inline void transformOutput(const Winograd& c, const float* m, int64_t stride, const Corner& corner, const float* bias,
                                   float* y) {
  const int64_t* at = corner.at;
  for (int64_t o = 0; o < c.outChannels; o += kLanes) {
    const Lanes first = bias ? loadLanes(bias + o) : Lanes{};
    Lanes a[32], b[16];
    for (int k = 0; k < 16; k++) {
      const Lanes p = loadLanes(m + k * stride + o), q = loadLanes(m + (k + 16) * stride + o),
                  r = loadLanes(m + (k + 32) * stride + o), s = loadLanes(m + (k + 48) * stride + o);
      a[k] = p + q + r, a[16 + k] = q - r - s;
    }
    for (int z = 0; z < 2; z++) {
      for (int k = 0; k < 4; k++) {
        const Lanes *from = a + 16 * z + k, p = from[0], q = from[4], r = from[8], s = from[12];
        b[8 * z + k] = p + q + r, b[8 * z + 4 + k] = q - r - s;
      }
    }
    for (int k = 0; k < 4; k++) {
      const int64_t d = at[0] + k / 2, h = at[1] + k % 2;
      if (d >= c.out[0] || h >= c.out[1]) continue;
      const Lanes *from = b + 4 * k, p = from[0], q = from[1], r = from[2], s = from[3];
      float* to = y + (((corner.n * c.out[0] + d) * c.out[1] + h) * c.out[2] + at[2]) * c.outChannels + o;
      storeLanes(to, p + q + r + first);
      if (at[2] + 1 < c.out[2]) storeLanes(to + c.outChannels, q - r - s + first);
    }
  }
}

static void winograd(const Winograd& c, const float* x, const float* filter, bool flipped, const float* bias, float* y,
                     float* work) {
  const Tiling t = tilingOf(c);
  const int64_t in = c.inChannels, out = c.outChannels, size = roundUp(most(in, out), 16);
  const int64_t vs = coefficientStride(t, in), ms = coefficientStride(t, out);
  float *zeros = work, *u = work + size, *blocks = u + 64 * in * out;
  for (int64_t i = 0; i < size; i++) zeros[i] = 0;
  transformFilter(c, filter, flipped, u);
  factorFilter(c, u);
#pragma omp parallel for schedule(static)
  for (int64_t k = 0; k < t.blocks; k++) {
    float *v = blocks + omp_get_thread_num() * 64 * (vs + ms), *m = v + 64 * vs;
    const int64_t begin = k * t.block, tiles = least(t.block, t.count - begin);
    for (int64_t i = 0; i < tiles; i++) transformInput(c, x, cornerOf(t, begin + i), zeros, v + i * in, vs);
    for (int64_t i = tiles * in; i < roundUp(tiles, kTileRows) * in; i++) {
      for (int f = 0; f < 64; f++) v[f * vs + i] = 0;
    }
    const int64_t rows = roundUp(tiles, kTileRows);
    Factor* space = factorSpace(leftSize(rows, in));
    for (int f = 0; f < 64; f++) {
      const Right right{reinterpret_cast<const Factor*>(u + f * in * out), out};
      product<false>(leftOf(v + f * vs, in, 1, rows, in, space), right, m + f * ms, out, rows, out, in);
    }
    for (int64_t i = 0; i < tiles; i++) transformOutput(c, m + i * out, ms, cornerOf(t, begin + i), bias, y);
  }
}

static void winogradWeights(const Winograd& c, const float* x, const float* dy, float* dfilter, float* work) {
  const Tiling t = tilingOf(c);
  const int64_t in = c.inChannels, out = c.outChannels, size = roundUp(most(in, out), 16);
  const int64_t vs = coefficientStride(t, in), ms = coefficientStride(t, out);
  const int64_t threads = weightThreads(c, omp_get_max_threads()), part = 64 * (in * out + vs + ms);
  float *zeros = work, *parts = work + size;
  for (int64_t i = 0; i < size; i++) zeros[i] = 0;
#pragma omp parallel for schedule(static) num_threads(static_cast<int>(threads))
  for (int64_t thread = 0; thread < threads; thread++) {
    float *du = parts + thread * part, *v = du + 64 * in * out, *m = v + 64 * vs;
    for (int64_t i = 0; i < 64 * in * out; i++) du[i] = 0;
    for (int64_t k = t.blocks * thread / threads; k < t.blocks * (thread + 1) / threads; k++) {
      const int64_t begin = k * t.block, tiles = least(t.block, t.count - begin);
      for (int64_t i = 0; i < tiles; i++) {
        const Corner corner = cornerOf(t, begin + i);
        transformInput(c, x, corner, zeros, v + i * in, vs);
        transformGradient(c, dy, corner, zeros, m + i * out, ms);
      }
      for (int f = 0; f < 64; f++) {
        product<true>(v + f * vs, 1, in, m + f * ms, out, du + f * in * out, out, in, out, tiles);
      }
    }
  }
  gatherFilter(c, parts, threads, part, dfilter);
}
