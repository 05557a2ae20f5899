// Layer and instance normalisation.

static void layerNorm(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd,
                      int64_t rows, int64_t n, float eps) {
#pragma omp parallel for schedule(static) if (rows * n > kGrain)
  for (int64_t r = 0; r < rows; r++) {
    const float* in = x + r * n;
    float* out = y + r * n;
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += in[i];
    const float mu = sum / n;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < n; i++) squares += (in[i] - mu) * (in[i] - mu);
    const float scale = 1.0f / __builtin_sqrtf(squares / n + eps);
    mean[r] = mu;
    rstd[r] = scale;
    if (gamma && beta) {
#pragma omp simd
      for (int64_t i = 0; i < n; i++) out[i] = (in[i] - mu) * scale * gamma[i] + beta[i];
    } else {
      for (int64_t i = 0; i < n; i++) {
        const float normal = (in[i] - mu) * scale;
        out[i] = (gamma ? normal * gamma[i] : normal) + (beta ? beta[i] : 0.0f);
      }
    }
  }
}

/** Rows `begin` to `end`; adds their part of the parameters' gradients to `dgamma` and `dbeta`. */
static void layerNormGradRows(const float* x, const float* dy, const float* mean, const float* rstd, const float* gamma,
                              float* dx, float* dgamma, float* dbeta, int64_t begin, int64_t end, int64_t n) {
  for (int64_t r = begin; r < end; r++) {
    const float* in = x + r * n;
    const float* g = dy + r * n;
    float* out = dx + r * n;
    const float mu = mean[r], scale = rstd[r];
    float sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
    for (int64_t i = 0; i < n; i++) {
      const float normal = (in[i] - mu) * scale;
      const float weighted = gamma ? g[i] * gamma[i] : g[i];
      sum += weighted;
      dot += weighted * normal;
      dgamma[i] += g[i] * normal;
      dbeta[i] += g[i];
    }
    sum /= n;
    dot /= n;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
      const float weighted = gamma ? g[i] * gamma[i] : g[i];
      out[i] = scale * (weighted - sum - (in[i] - mu) * scale * dot);
    }
  }
}

static void layerNormGrad(const float* x, const float* dy, const float* mean, const float* rstd, const float* gamma,
                          float* dx, float* dgamma, float* dbeta, int64_t rows, int64_t n) {
  const int64_t block = most(16, (rows + 127) / 128), blocks = (rows + block - 1) / block;
  float* part = new float[blocks * 2 * n]();
#pragma omp parallel for schedule(static) if (rows * n > kGrain)
  for (int64_t k = 0; k < blocks; k++) {
    float* mine = part + k * 2 * n;
    layerNormGradRows(x, dy, mean, rstd, gamma, dx, mine, mine + n, k * block, least(rows, (k + 1) * block), n);
  }
  for (int64_t i = 0; i < n; i++) {
    double first = 0, second = 0;
    for (int64_t k = 0; k < blocks; k++) {
      first += part[k * 2 * n + i];
      second += part[k * 2 * n + n + i];
    }
    dgamma[i] = static_cast<float>(first);
    dbeta[i] = static_cast<float>(second);
  }
  delete[] part;
}

/** Blocks of voxels that stay in a core's cache. */
static inline int64_t voxelBlock(int64_t channels) { return most(16, 16384 / channels); }

/** Mean and squared deviation of a block of voxels, channel by channel. */
static void blockMoments(const float* x, int64_t voxels, int64_t channels, float* mean, float* deviation) {
  for (int64_t c = 0; c < channels; c++) mean[c] = deviation[c] = 0;
  for (int64_t v = 0; v < voxels; v++) {
#pragma omp simd
    for (int64_t c = 0; c < channels; c++) mean[c] += x[v * channels + c];
  }
  for (int64_t c = 0; c < channels; c++) mean[c] /= voxels;
  for (int64_t v = 0; v < voxels; v++) {
#pragma omp simd
    for (int64_t c = 0; c < channels; c++) {
      const float d = x[v * channels + c] - mean[c];
      deviation[c] += d * d;
    }
  }
}

static void instanceNorm(const float* x, float* y, float* mean, float* rstd, int64_t batch, int64_t voxels,
                         int64_t channels, float eps, float slope) {
  const int64_t block = voxelBlock(channels), blocks = (voxels + block - 1) / block;
  float* part = new float[batch * blocks * 2 * channels];
#pragma omp parallel for schedule(static) if (batch * voxels * channels > kGrain)
  for (int64_t k = 0; k < batch * blocks; k++) {
    const int64_t begin = k % blocks * block;
    float* mine = part + k * 2 * channels;
    blockMoments(x + (k / blocks * voxels + begin) * channels, least(block, voxels - begin), channels, mine, mine + channels);
  }
  // Blocks of different size are merged by the parallel-axis theorem.
  for (int64_t i = 0; i < batch * channels; i++) {
    const float* column = part + i / channels * blocks * 2 * channels + i % channels;
    double sum = 0, squares = 0;
    for (int64_t k = 0; k < blocks; k++) sum += column[k * 2 * channels] * static_cast<double>(least(block, voxels - k * block));
    const double mu = sum / voxels;
    for (int64_t k = 0; k < blocks; k++) {
      const double d = column[k * 2 * channels] - mu;
      squares += column[k * 2 * channels + channels] + d * d * static_cast<double>(least(block, voxels - k * block));
    }
    mean[i] = static_cast<float>(mu);
    rstd[i] = static_cast<float>(1.0 / __builtin_sqrt(squares / voxels + eps));
  }
#pragma omp parallel for schedule(static) if (batch * voxels * channels > kGrain)
  for (int64_t k = 0; k < batch * blocks; k++) {
    const int64_t n = k / blocks, begin = k % blocks * block, end = least(voxels, begin + block);
    const float *mu = mean + n * channels, *scale = rstd + n * channels;
    for (int64_t v = begin; v < end; v++) {
      const float* in = x + (n * voxels + v) * channels;
      float* out = y + (n * voxels + v) * channels;
#pragma omp simd
      for (int64_t c = 0; c < channels; c++) {
        const float normal = (in[c] - mu[c]) * scale[c];
        out[c] = normal < 0.0f ? normal * slope : normal;
      }
    }
  }
  delete[] part;
}

static void instanceNormGrad(const float* y, const float* dy, const float* rstd, float* dx, int64_t batch, int64_t voxels,
                             int64_t channels, float slope) {
  const float unslope = 1.0f / slope;
  const int64_t block = voxelBlock(channels), blocks = (voxels + block - 1) / block;
  float* part = new float[batch * blocks * 2 * channels]();
  float* total = new float[batch * 2 * channels];
#pragma omp parallel for schedule(static) if (batch * voxels * channels > kGrain)
  for (int64_t k = 0; k < batch * blocks; k++) {
    const int64_t n = k / blocks, begin = k % blocks * block, end = least(voxels, begin + block);
    float *sum = part + k * 2 * channels, *dot = sum + channels;
    for (int64_t v = begin; v < end; v++) {
      const float* out = y + (n * voxels + v) * channels;
      const float* g = dy + (n * voxels + v) * channels;
#pragma omp simd
      for (int64_t c = 0; c < channels; c++) {
        const float normal = out[c] < 0.0f ? out[c] * unslope : out[c];
        const float passed = out[c] > 0.0f ? g[c] : g[c] * slope;
        sum[c] += passed;
        dot[c] += passed * normal;
      }
    }
  }
  for (int64_t i = 0; i < batch * 2 * channels; i++) {
    const int64_t n = i / (2 * channels), c = i % (2 * channels);
    double s = 0;
    for (int64_t k = 0; k < blocks; k++) s += part[(n * blocks + k) * 2 * channels + c];
    total[i] = static_cast<float>(s / voxels);
  }
#pragma omp parallel for schedule(static) if (batch * voxels * channels > kGrain)
  for (int64_t k = 0; k < batch * blocks; k++) {
    const int64_t n = k / blocks, begin = k % blocks * block, end = least(voxels, begin + block);
    const float* scale = rstd + n * channels;
    const float *sum = total + n * 2 * channels, *dot = sum + channels;
    for (int64_t v = begin; v < end; v++) {
      const float* out = y + (n * voxels + v) * channels;
      const float* g = dy + (n * voxels + v) * channels;
      float* slopes = dx + (n * voxels + v) * channels;
#pragma omp simd
      for (int64_t c = 0; c < channels; c++) {
        const float normal = out[c] < 0.0f ? out[c] * unslope : out[c];
        const float passed = out[c] > 0.0f ? g[c] : g[c] * slope;
        slopes[c] = scale[c] * (passed - sum[c] - normal * dot[c]);
      }
    }
  }
  delete[] part;
  delete[] total;
}
