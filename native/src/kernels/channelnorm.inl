// Normalisation of each channel by statistics that are given, then leaky ReLU.

/** y = leakyRelu((x - mean) / sqrt(variance + eps) * gamma + beta). */
static void channelNorm(const float* x, const float* mean, const float* variance, const float* gamma, const float* beta,
                        float* y, int64_t voxels, int64_t channels, float eps, float slope) {
  float* scale = new float[2 * channels];
  float* shift = scale + channels;
  for (int64_t c = 0; c < channels; c++) {
    scale[c] = gamma[c] / __builtin_sqrtf(variance[c] + eps);
    shift[c] = beta[c] - mean[c] * scale[c];
  }
#pragma omp parallel for schedule(static) if (voxels * channels > kGrain)
  for (int64_t v = 0; v < voxels; v++) {
    const float* in = x + v * channels;
    float* out = y + v * channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; c++) {
      const float z = in[c] * scale[c] + shift[c];
      out[c] = z < 0.0f ? z * slope : z;
    }
  }
  delete[] scale;
}
