// Means of blocks of voxels.

static void averagePool(const Pool& s, const float* x, float* y) {
  const int64_t d = s.out[0], h = s.out[1], w = s.out[2], c = s.channels;
  const float factor = 1.0f / (s.window[0] * s.window[1] * s.window[2]);
#pragma omp parallel for schedule(static) if (s.batch * d * h * w * c > kGrain / 8)
  for (int64_t row = 0; row < s.batch * d * h; row++) {
    const int64_t i = row / h * s.window[0], j = row % h * s.window[1];
    for (int64_t k = 0; k < w; k++) {
      float* out = y + (row * w + k) * c;
      for (int64_t e = 0; e < c; e++) out[e] = 0.0f;
      for (int64_t p = 0; p < s.window[0]; p++) {
        for (int64_t q = 0; q < s.window[1]; q++) {
          const float* in = x + (((i + p) * h * s.window[1] + j + q) * w + k) * s.window[2] * c;
          for (int64_t r = 0; r < s.window[2]; r++) {
#pragma omp simd
            for (int64_t e = 0; e < c; e++) out[e] += in[r * c + e];
          }
        }
      }
#pragma omp simd
      for (int64_t e = 0; e < c; e++) out[e] *= factor;
    }
  }
}

static void averagePoolGrad(const Pool& s, const float* dy, float* dx) {
  const int64_t d = s.out[0], h = s.out[1], w = s.out[2], c = s.channels;
  const float factor = 1.0f / (s.window[0] * s.window[1] * s.window[2]);
#pragma omp parallel for schedule(static) if (s.batch * d * h * w * c > kGrain / 8)
  for (int64_t row = 0; row < s.batch * d * s.window[0] * h * s.window[1]; row++) {
    const int64_t i = row / (h * s.window[1]) / s.window[0], j = row % (h * s.window[1]) / s.window[1];
    for (int64_t k = 0; k < w; k++) {
      const float* g = dy + ((i * h + j) * w + k) * c;
      float* out = dx + (row * w + k) * s.window[2] * c;
      for (int64_t r = 0; r < s.window[2]; r++) {
#pragma omp simd
        for (int64_t e = 0; e < c; e++) out[r * c + e] = g[e] * factor;
      }
    }
  }
}
