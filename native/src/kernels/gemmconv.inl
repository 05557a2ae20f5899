// Convolutions by matrix products with patches of the input written out as rows, where that beats oneDNN: weight gradients of
// few channels, and deep layers whose filter is far larger than their few voxels.

struct Patches {
  int64_t length;  // taps × channels of a patch
  int64_t voxels;  // outputs of the batch
};

static Patches patchesOf(const Convolution& c) {
  return {c.kernel[0] * c.kernel[1] * c.kernel[2] * c.inChannels, c.batch * c.out[0] * c.out[1] * c.out[2]};
}

/** Input voxel of an output voxel and a tap, or -1 outside the volume. */
static inline int64_t sourceOf(const Convolution& c, int64_t voxel, int64_t tap) {
  const int64_t tx = tap % c.kernel[2], ty = tap / c.kernel[2] % c.kernel[1], tz = tap / c.kernel[2] / c.kernel[1];
  const int64_t ox = voxel % c.out[2], oy = voxel / c.out[2] % c.out[1], rest = voxel / c.out[2] / c.out[1];
  const int64_t oz = rest % c.out[0], n = rest / c.out[0];
  const int64_t x = ox * c.stride[2] - c.pad[2] + tx, y = oy * c.stride[1] - c.pad[1] + ty,
                z = oz * c.stride[0] - c.pad[0] + tz;
  const bool inside = z >= 0 && z < c.in[0] && y >= 0 && y < c.in[1] && x >= 0 && x < c.in[2];
  return inside ? ((n * c.in[0] + z) * c.in[1] + y) * c.in[2] + x : -1;
}

/** Floats of working memory of the functions below; `few` is for `fewChannelWeights`. */
static const int64_t kFewVoxels = 256;
static int64_t gemmConvFloats(const Convolution& c, bool few, int64_t threads) {
  const Patches p = patchesOf(c);
  return few ? threads * p.length * (kFewVoxels + c.outChannels) + 1024 : p.voxels * p.length + 1024;
}

/** Rows of patches: rows[voxel][tap][channel]. */
static void writePatches(const Convolution& c, const float* x, float* rows) {
  const Patches p = patchesOf(c);
  const int64_t taps = p.length / c.inChannels;
#pragma omp parallel for schedule(static) if (p.voxels * p.length > kGrain)
  for (int64_t k = 0; k < p.voxels * taps; k++) {
    const int64_t source = sourceOf(c, k / taps, k % taps);
    float* to = rows + k * c.inChannels;
    if (source < 0) for (int64_t i = 0; i < c.inChannels; i++) to[i] = 0;
    else __builtin_memcpy(to, x + source * c.inChannels, static_cast<uint64_t>(c.inChannels) * 4);
  }
}

static void smallForward(const Convolution& c, const float* x, const float* filter, const float* bias, float* y, float* work) {
  const Patches p = patchesOf(c);
  writePatches(c, x, work);
  // Threads take columns; the filter is read once, a slab of rows at a time.
  const int64_t slab = 16, width = most(roundUp((c.outChannels + 15) / 16, 2 * kLanes), 2 * kLanes);
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < c.outChannels; first += width) {
    const int64_t columns = least(width, c.outChannels - first);
    for (int64_t v = 0; v < p.voxels; v++) {
      for (int64_t o = 0; o < columns; o++) y[v * c.outChannels + first + o] = bias ? bias[first + o] : 0.0f;
    }
    for (int64_t k = 0; k < p.length; k += slab) {
      product<true>(work + k, p.length, 1, filter + k * c.outChannels + first, c.outChannels, y + first, c.outChannels,
                    p.voxels, columns, least(slab, p.length - k));
    }
  }
}

/** In float32 always: it waits for the filter from memory. out[r·stride + k] = a[r] · b[k] for R rows of a and two of b, `depth` (a multiple of the lanes) long. */
template <int R>
static inline void dots(const float* a, const float* b, int64_t depth, float* out, int64_t stride) {
  Lanes sum[R][2] = {};
  for (int64_t d = 0; d < depth; d += kLanes) {
    const Lanes left = loadLanes(b + d), right = loadLanes(b + depth + d);
    for (int r = 0; r < R; r++) {
      const Lanes row = loadLanes(a + r * depth + d);
      sum[r][0] += row * left;
      sum[r][1] += row * right;
    }
  }
  for (int r = 0; r < R; r++) {
    out[r * stride] = laneSum(sum[r][0]);
    out[r * stride + 1] = laneSum(sum[r][1]);
  }
}

static void smallBackwardData(const Convolution& c, const float* dy, const float* filter, float* dx, float* work) {
  const Patches p = patchesOf(c);
  const int64_t out = c.outChannels, in = c.inChannels, taps = p.length / in;
#pragma omp parallel for schedule(static)
  for (int64_t k = 0; k < p.length; k += 2) {
    int64_t v = 0;
    for (; v + 4 <= p.voxels; v += 4) dots<4>(dy + v * out, filter + k * out, out, work + v * p.length + k, p.length);
    for (; v < p.voxels; v++) dots<1>(dy + v * out, filter + k * out, out, work + v * p.length + k, p.length);
  }
  // Each thread adds up its own channels, so that no two write the same place.
  const int64_t parts = (in + 63) / 64;
#pragma omp parallel for schedule(static)
  for (int64_t part = 0; part < parts; part++) {
    const int64_t first = part * 64, count = least(64, in - first);
    const int64_t voxels = c.batch * c.in[0] * c.in[1] * c.in[2];
    for (int64_t v = 0; v < voxels; v++) {
      for (int64_t i = 0; i < count; i++) dx[v * in + first + i] = 0;
    }
    for (int64_t k = 0; k < p.voxels * taps; k++) {
      const int64_t source = sourceOf(c, k / taps, k % taps);
      if (source < 0) continue;
      const float* from = work + k * in + first;
      float* to = dx + source * in + first;
      for (int64_t i = 0; i < count; i++) to[i] += from[i];
    }
  }
}

static void smallWeights(const Convolution& c, const float* x, const float* dy, float* dfilter, float* work) {
  const Patches p = patchesOf(c);
  writePatches(c, x, work);
  const int64_t step = 8 * kTileRows;
#pragma omp parallel for schedule(static)
  for (int64_t k = 0; k < p.length; k += step) {
    product<false>(work + k, 1, p.length, dy, c.outChannels, dfilter + k * c.outChannels, c.outChannels,
                   least(step, p.length - k), c.outChannels, p.voxels);
  }
}

/**
 * Writes what a tap sees along a row of outputs, from `voxel` to the end of its row or `limit` voxels on: channel i at
 * column[i·kFewVoxels]. Returns how many.
 */
static inline int64_t copyRun(const Convolution& c, const float* x, int64_t voxel, int64_t limit, int64_t tap, float* column) {
  const int64_t first = voxel % c.out[2], run = least(limit, c.out[2] - first);
  const int64_t shift = tap % c.kernel[2] - c.pad[2], place = voxel / c.out[2];
  const int64_t y = place % c.out[1] * c.stride[1] - c.pad[1] + tap / c.kernel[2] % c.kernel[1];
  const int64_t z = place / c.out[1] % c.out[0] * c.stride[0] - c.pad[0] + tap / c.kernel[2] / c.kernel[1];
  const int64_t n = place / c.out[1] / c.out[0];
  const bool inside = z >= 0 && z < c.in[0] && y >= 0 && y < c.in[1];
  const float* row = inside ? x + ((n * c.in[0] + z) * c.in[1] + y) * c.in[2] * c.inChannels : x;
  for (int64_t i = 0; i < c.inChannels; i++) {
    float* to = column + i * kFewVoxels;
    for (int64_t v = 0; v < run; v++) {
      const int64_t at = (first + v) * c.stride[2] + shift;
      to[v] = inside && at >= 0 && at < c.in[2] ? row[at * c.inChannels + i] : 0.0f;
    }
  }
  return run;
}

/** The weight gradient where a patch is short: blocks of voxels, patches written out tap by tap. */
static void fewChannelWeights(const Convolution& c, const float* x, const float* dy, float* dfilter, float* work) {
  const Patches p = patchesOf(c);
  const int64_t blocks = (p.voxels + kFewVoxels - 1) / kFewVoxels, taps = p.length / c.inChannels;
  const int64_t size = p.length * c.outChannels, threads = omp_get_max_threads();
#pragma omp parallel for schedule(static) num_threads(static_cast<int>(threads))
  for (int64_t thread = 0; thread < threads; thread++) {
    float *mine = work + thread * (size + p.length * kFewVoxels), *columns = mine + size;
    for (int64_t i = 0; i < size; i++) mine[i] = 0;
    for (int64_t k = blocks * thread / threads; k < blocks * (thread + 1) / threads; k++) {
      const int64_t begin = k * kFewVoxels, count = least(kFewVoxels, p.voxels - begin);
      for (int64_t tap = 0; tap < taps; tap++) {
        float* column = columns + tap * c.inChannels * kFewVoxels;
        for (int64_t v = 0; v < count;) v += copyRun(c, x, begin + v, count - v, tap, column + v);
      }
      product<true>(columns, kFewVoxels, 1, dy + begin * c.outChannels, c.outChannels, mine, c.outChannels, p.length,
                    c.outChannels, count);
    }
  }
  for (int64_t i = 0; i < size; i++) {
    float total = work[i];
    for (int64_t thread = 1; thread < threads; thread++) total += work[thread * (size + p.length * kFewVoxels) + i];
    dfilter[i] = total;
  }
}
