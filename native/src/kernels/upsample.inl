// Trilinear interpolation to twice the size along each axis, and its gradient.

/** Of the new voxels 2i - 1 … 2i + 2 along an axis of n voxels, the share that voxel i has in each; 0 beyond the ends. */
static inline void upsampleShares(int64_t i, int64_t n, float share[4]) {
  share[0] = i > 0 ? 0.25f : 0.0f;
  share[1] = i > 0 ? 0.75f : 1.0f;
  share[2] = i < n - 1 ? 0.75f : 1.0f;
  share[3] = i < n - 1 ? 0.25f : 0.0f;
}

/** The voxel on the far side of new voxel `at`, or the nearer one at an end. */
static inline int64_t upsampleFar(int64_t at, int64_t n) {
  const int64_t near = at / 2, far = near + 2 * (at % 2) - 1;
  return far < 0 ? 0 : far >= n ? n - 1 : far;
}

/** x[batch, d, h, w, channels] → y[batch, 2d, 2h, 2w, channels]. */
static void upsample(const float* x, float* y, int64_t batch, int64_t d, int64_t h, int64_t w, int64_t channels) {
  const int64_t line = w * channels, lines = batch * 2 * d * 2 * h;
#pragma omp parallel if (lines * line > kGrain)
  {
    float* mixed = new float[line];
#pragma omp for schedule(static)
    for (int64_t k = 0; k < lines; k++) {
      const int64_t j = k % (2 * h), i = k / (2 * h) % (2 * d), n = k / (4 * h * d);
      const float* plane = x + n * d * h * line;
      const int64_t near = i / 2, far = upsampleFar(i, d), row = j / 2, other = upsampleFar(j, h);
      const float *a = plane + (near * h + row) * line, *b = plane + (near * h + other) * line;
      const float *e = plane + (far * h + row) * line, *f = plane + (far * h + other) * line;
#pragma omp simd
      for (int64_t p = 0; p < line; p++) mixed[p] = 0.5625f * a[p] + 0.1875f * (b[p] + e[p]) + 0.0625f * f[p];
      float* out = y + k * 2 * line;
      for (int64_t v = 0; v < w; v++) {
        const float* middle = mixed + v * channels;
        const float* before = mixed + (v > 0 ? v - 1 : 0) * channels;
        const float* after = mixed + (v < w - 1 ? v + 1 : v) * channels;
        float* left = out + 2 * v * channels;
        float* right = left + channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
          left[c] = 0.75f * middle[c] + 0.25f * before[c];
          right[c] = 0.75f * middle[c] + 0.25f * after[c];
        }
      }
    }
    delete[] mixed;
  }
}

/** dy[batch, 2d, 2h, 2w, channels] → dx[batch, d, h, w, channels]. */
static void upsampleGrad(const float* dy, float* dx, int64_t batch, int64_t d, int64_t h, int64_t w, int64_t channels) {
  const int64_t line = 2 * w * channels, lines = batch * d * h;
#pragma omp parallel if (lines * line > kGrain)
  {
    float* mixed = new float[line];
#pragma omp for schedule(static)
    for (int64_t k = 0; k < lines; k++) {
      const int64_t j = k % h, i = k / h % d, n = k / (h * d);
      float first[4], second[4], third[4];
      upsampleShares(i, d, first);
      upsampleShares(j, h, second);
      for (int64_t p = 0; p < line; p++) mixed[p] = 0;
      for (int64_t q = 0; q < 16; q++) {
        const float share = first[q / 4] * second[q % 4];
        if (share == 0.0f) continue;
        const float* from = dy + ((n * 2 * d + 2 * i - 1 + q / 4) * 2 * h + 2 * j - 1 + q % 4) * line;
#pragma omp simd
        for (int64_t p = 0; p < line; p++) mixed[p] += share * from[p];
      }
      float* out = dx + k * w * channels;
      for (int64_t v = 0; v < w; v++) {
        upsampleShares(v, w, third);
        const float* at = mixed + 2 * v * channels;
        const float* before = v > 0 ? at - channels : at;
        const float* after = v < w - 1 ? at + 2 * channels : at;
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
          out[v * channels + c] =
              third[0] * before[c] + third[1] * at[c] + third[2] * at[channels + c] + third[3] * after[c];
        }
      }
    }
    delete[] mixed;
  }
}
