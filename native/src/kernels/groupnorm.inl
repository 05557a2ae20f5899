// Group normalisation with scale, shift, what is added and leaky ReLU, over all voxels or the visible ones.

/** Sums of a block of voxels: how many are seen, and for each channel the mean and the squared deviations from it. */
static int64_t seenMoments(const float* x, const float* visible, int64_t voxels, int64_t channels, float* mean,
                           float* deviation) {
  int64_t seen = 0;
  for (int64_t c = 0; c < channels; c++) mean[c] = deviation[c] = 0;
  for (int64_t v = 0; v < voxels; v++) {
    if (visible && visible[v] == 0.0f) continue;
    seen++;
#pragma omp simd
    for (int64_t c = 0; c < channels; c++) mean[c] += x[v * channels + c];
  }
  if (seen == 0) return 0;
  for (int64_t c = 0; c < channels; c++) mean[c] /= seen;
  for (int64_t v = 0; v < voxels; v++) {
    if (visible && visible[v] == 0.0f) continue;
#pragma omp simd
    for (int64_t c = 0; c < channels; c++) {
      const float d = x[v * channels + c] - mean[c];
      deviation[c] += d * d;
    }
  }
  return seen;
}

/** The statistics of a call's groups from those of its blocks, which are merged by the parallel-axis theorem. */
static void mergeMoments(const GroupNorm& s, const float* part, const int64_t* seen, int64_t blocks, float* mean, float* rstd) {
  const int64_t width = s.channels / s.groups;
  for (int64_t i = 0; i < s.batch * s.groups; i++) {
    const int64_t n = i / s.groups, first = i % s.groups * width;
    double count = 0, sum = 0, squares = 0;
    for (int64_t k = n * blocks; k < (n + 1) * blocks; k++) {
      const double in = static_cast<double>(seen[k]);
      count += in * width;
      for (int64_t c = first; c < first + width; c++) sum += in * part[k * 2 * s.channels + c];
    }
    count = count > 0 ? count : 1;
    const double mu = sum / count;
    for (int64_t k = n * blocks; k < (n + 1) * blocks; k++) {
      const double in = static_cast<double>(seen[k]);
      for (int64_t c = first; c < first + width; c++) {
        const double d = part[k * 2 * s.channels + c] - mu;
        squares += part[(k * 2 + 1) * s.channels + c] + d * d * in;
      }
    }
    mean[i] = static_cast<float>(mu);
    rstd[i] = static_cast<float>(1.0 / __builtin_sqrt(squares / count + s.eps));
  }
}

/** For each channel of a sample the mean, rstd, rstd · gamma and beta: four rows of `channels`. */
static float* perChannel(const GroupNorm& s, const Beside& b, const float* mean, const float* rstd) {
  float* rows = new float[s.batch * 4 * s.channels];
  const int64_t width = s.channels / s.groups;
  for (int64_t n = 0; n < s.batch; n++) {
    float* mine = rows + n * 4 * s.channels;
    for (int64_t c = 0; c < s.channels; c++) {
      const float scale = rstd[n * s.groups + c / width];
      mine[c] = mean[n * s.groups + c / width];
      mine[s.channels + c] = scale;
      mine[2 * s.channels + c] = b.gamma ? scale * b.gamma[c] : scale;
      mine[3 * s.channels + c] = b.beta ? b.beta[c] : 0.0f;
    }
  }
  return rows;
}

static void groupNorm(const GroupNorm& s, const Beside& b, const float* x, float* y, float* mean, float* rstd) {
  const int64_t channels = s.channels, voxels = s.voxels, block = voxelBlock(channels);
  const int64_t blocks = (voxels + block - 1) / block, all = s.batch * blocks;
  float* part = new float[all * 2 * channels];
  int64_t* seen = new int64_t[all];
#pragma omp parallel for schedule(static) if (s.batch * voxels * channels > kGrain)
  for (int64_t k = 0; k < all; k++) {
    const int64_t begin = k / blocks * voxels + k % blocks * block;
    float* mine = part + k * 2 * channels;
    seen[k] = seenMoments(x + begin * channels, b.visible ? b.visible + begin : nullptr,
                          least(block, voxels - k % blocks * block), channels, mine, mine + channels);
  }
  mergeMoments(s, part, seen, blocks, mean, rstd);
  float* rows = perChannel(s, b, mean, rstd);
  const float slope = s.slope;
#pragma omp parallel for schedule(static) if (s.batch * voxels * channels > kGrain)
  for (int64_t k = 0; k < all; k++) {
    const float *mu = rows + k / blocks * 4 * channels, *scale = mu + 2 * channels, *shift = mu + 3 * channels;
    const int64_t begin = k / blocks * voxels + k % blocks * block;
    const int64_t end = begin + least(block, voxels - k % blocks * block);
    for (int64_t v = begin; v < end; v++) {
      const float* in = x + v * channels;
      const float* add = b.residual ? b.residual + v * channels : nullptr;
      float* out = y + v * channels;
      if (b.visible && b.visible[v] == 0.0f) {
        for (int64_t c = 0; c < channels; c++) out[c] = 0.0f;
      } else if (add) {
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
          const float z = (in[c] - mu[c]) * scale[c] + shift[c] + add[c];
          out[c] = z < 0.0f ? z * slope : z;
        }
      } else {
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
          const float z = (in[c] - mu[c]) * scale[c] + shift[c];
          out[c] = z < 0.0f ? z * slope : z;
        }
      }
    }
  }
  delete[] part;
  delete[] seen;
  delete[] rows;
}

/**
 * The gradients before the activation of a block, channel by channel: their sum, and that of their products with what is
 * normalised. Where something was added, `dresidual` takes them.
 */
static void gradientSums(const GroupNorm& s, const Beside& b, const float* row, const float* x, const float* dy,
                         float* dresidual, float* sum, float* dot, int64_t begin, int64_t end) {
  const int64_t channels = s.channels;
  const float *mu = row, *rstd = row + channels, *scale = row + 2 * channels, *shift = row + 3 * channels, slope = s.slope;
  for (int64_t v = begin; v < end; v++) {
    const float *in = x + v * channels, *g = dy + v * channels;
    const float* add = b.residual ? b.residual + v * channels : nullptr;
    float* dz = add ? dresidual + v * channels : nullptr;
    if (b.visible && b.visible[v] == 0.0f) {
      for (int64_t c = 0; dz && c < channels; c++) dz[c] = 0.0f;
    } else if (add) {
#pragma omp simd
      for (int64_t c = 0; c < channels; c++) {
        const float centred = in[c] - mu[c];
        const float passed = centred * scale[c] + shift[c] + add[c] > 0.0f ? g[c] : g[c] * slope;
        dz[c] = passed;
        sum[c] += passed;
        dot[c] += passed * centred * rstd[c];
      }
    } else {
#pragma omp simd
      for (int64_t c = 0; c < channels; c++) {
        const float centred = in[c] - mu[c];
        const float passed = centred * scale[c] + shift[c] > 0.0f ? g[c] : g[c] * slope;
        sum[c] += passed;
        dot[c] += passed * centred * rstd[c];
      }
    }
  }
}

/** Seen voxels of each sample. */
static void countSeen(const GroupNorm& s, const float* visible, double* count) {
  for (int64_t n = 0; n < s.batch; n++) {
    int64_t seen = visible ? 0 : s.voxels;
    for (int64_t v = 0; visible && v < s.voxels; v++) seen += visible[n * s.voxels + v] != 0.0f;
    count[n] = static_cast<double>(most(1, seen));
  }
}

/** From the sums of blocks: dgamma, dbeta, and for each channel of a sample the two means over its group that dx lacks. */
static void mergeSums(const GroupNorm& s, const Beside& b, const float* part, int64_t blocks, float* dgamma, float* dbeta,
                      float* means) {
  const int64_t channels = s.channels, width = channels / s.groups;
  double* count = new double[s.batch];
  double* total = new double[s.batch * 2 * channels];
  countSeen(s, b.visible, count);
#pragma omp parallel for schedule(static) if (s.batch * blocks * channels > kGrain)
  for (int64_t i = 0; i < s.batch * 2 * channels; i++) {
    const int64_t n = i / (2 * channels), c = i % (2 * channels);
    double t = 0;
    for (int64_t k = n * blocks; k < (n + 1) * blocks; k++) t += part[k * 2 * channels + c];
    total[i] = t;
  }
  for (int64_t c = 0; c < channels; c++) {
    double shift = 0, scale = 0;
    for (int64_t n = 0; n < s.batch; n++) {
      shift += total[n * 2 * channels + c];
      scale += total[(n * 2 + 1) * channels + c];
    }
    dbeta[c] = static_cast<float>(shift);
    dgamma[c] = static_cast<float>(scale);
  }
  for (int64_t i = 0; i < s.batch * 2 * s.groups; i++) {
    const int64_t row = i / s.groups, first = i % s.groups * width;
    double t = 0;
    for (int64_t c = first; c < first + width; c++) t += total[row * channels + c] * (b.gamma ? b.gamma[c] : 1.0f);
    const float mean = static_cast<float>(t / (count[row / 2] * width));
    for (int64_t c = first; c < first + width; c++) means[row * channels + c] = mean;
  }
  delete[] count;
  delete[] total;
}

static void groupNormGrad(const GroupNorm& s, const Beside& b, const float* x, const float* dy, const float* mean,
                          const float* rstd, float* dx, float* dgamma, float* dbeta, float* dresidual) {
  const int64_t channels = s.channels, voxels = s.voxels, block = voxelBlock(channels);
  const int64_t blocks = (voxels + block - 1) / block, all = s.batch * blocks;
  float* rows = perChannel(s, b, mean, rstd);
  float* part = new float[all * 2 * channels]();
  float* means = new float[s.batch * 2 * channels];
#pragma omp parallel for schedule(static) if (s.batch * voxels * channels > kGrain)
  for (int64_t k = 0; k < all; k++) {
    const int64_t begin = k / blocks * voxels + k % blocks * block;
    gradientSums(s, b, rows + k / blocks * 4 * channels, x, dy, dresidual, part + k * 2 * channels,
                 part + (k * 2 + 1) * channels, begin, begin + least(block, voxels - k % blocks * block));
  }
  mergeSums(s, b, part, blocks, dgamma, dbeta, means);
  const float slope = s.slope;
#pragma omp parallel for schedule(static) if (s.batch * voxels * channels > kGrain)
  for (int64_t k = 0; k < all; k++) {
    const float *mu = rows + k / blocks * 4 * channels, *unit = mu + channels, *scale = mu + 2 * channels, *shift = mu + 3 * channels;
    const float *m1 = means + k / blocks * 2 * channels, *m2 = m1 + channels;
    const int64_t begin = k / blocks * voxels + k % blocks * block;
    const int64_t end = begin + least(block, voxels - k % blocks * block);
    for (int64_t v = begin; v < end; v++) {
      const float *in = x + v * channels, *g = dy + v * channels;
      const float* through = b.residual ? dresidual + v * channels : nullptr;
      float* out = dx + v * channels;
      if (b.visible && b.visible[v] == 0.0f) {
        for (int64_t c = 0; c < channels; c++) out[c] = 0.0f;
      } else if (through) {
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
          out[c] = scale[c] * through[c] - unit[c] * (m1[c] + (in[c] - mu[c]) * unit[c] * m2[c]);
        }
      } else {
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
          const float centred = in[c] - mu[c];
          const float passed = centred * scale[c] + shift[c] > 0.0f ? g[c] : g[c] * slope;
          out[c] = scale[c] * passed - unit[c] * (m1[c] + centred * unit[c] * m2[c]);
        }
      }
    }
  }
  delete[] rows;
  delete[] part;
  delete[] means;
}
