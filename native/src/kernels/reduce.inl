// Reductions in blocks whose size does not depend on the number of threads, added up in order: the same bits every time.

/** One block of consecutive numbers. Sums go through short float runs into a double. */
static inline double reduceRun(Reduction op, const float* x, int64_t n) {
  if (op == kMax || op == kMin) {
    float best = x[0];
    bool nan = false;
    if (op == kMax) {
      for (int64_t i = 0; i < n; i++) {
        best = x[i] > best ? x[i] : best;
        nan |= x[i] != x[i];
      }
    } else {
      for (int64_t i = 0; i < n; i++) {
        best = x[i] < best ? x[i] : best;
        nan |= x[i] != x[i];
      }
    }
    return nan ? __builtin_nan("") : best;
  }
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += 256) {
    const int64_t end = least(n, begin + 256);
    float s = 0;
    if (op == kSumOfSquares) {
#pragma omp simd reduction(+ : s)
      for (int64_t i = begin; i < end; i++) s += x[i] * x[i];
    } else {
#pragma omp simd reduction(+ : s)
      for (int64_t i = begin; i < end; i++) s += x[i];
    }
    total += s;
  }
  return total;
}

static inline double combine(Reduction op, double a, double b) {
  if (op == kMax) return a != a || a > b ? a : b;
  if (op == kMin) return a != a || a < b ? a : b;
  return a + b;
}

/** Rows of `inner` numbers, reduced down: `acc` starts as the first row (or its square). */
static void reduceRows(Reduction op, const float* x, float* acc, int64_t rows, int64_t inner) {
  for (int64_t i = 0; i < inner; i++) acc[i] = op == kSumOfSquares ? x[i] * x[i] : x[i];
  for (int64_t r = 1; r < rows; r++) {
    const float* row = x + r * inner;
    if (op == kMax) {
#pragma omp simd
      for (int64_t i = 0; i < inner; i++) acc[i] = (row[i] > acc[i] || row[i] != row[i]) ? row[i] : acc[i];
    } else if (op == kMin) {
#pragma omp simd
      for (int64_t i = 0; i < inner; i++) acc[i] = (row[i] < acc[i] || row[i] != row[i]) ? row[i] : acc[i];
    } else if (op == kSumOfSquares) {
#pragma omp simd
      for (int64_t i = 0; i < inner; i++) acc[i] += row[i] * row[i];
    } else {
#pragma omp simd
      for (int64_t i = 0; i < inner; i++) acc[i] += row[i];
    }
  }
}

static void reduce(Reduction op, const float* x, float* y, int64_t outer, int64_t middle, int64_t inner) {
  const double factor = op == kMean ? 1.0 / static_cast<double>(middle) : 1.0;
  if (inner == 1) {
    const int64_t block = 16384, blocks = (middle + block - 1) / block;
    double* part = new double[outer * blocks];
#pragma omp parallel for schedule(static) if (outer * middle > kGrain)
    for (int64_t k = 0; k < outer * blocks; k++) {
      const int64_t begin = k % blocks * block;
      part[k] = reduceRun(op, x + k / blocks * middle + begin, least(block, middle - begin));
    }
    for (int64_t o = 0; o < outer; o++) {
      double total = part[o * blocks];
      for (int64_t k = 1; k < blocks; k++) total = combine(op, total, part[o * blocks + k]);
      y[o] = static_cast<float>(total * factor);
    }
    delete[] part;
    return;
  }
  const int64_t block = most(8, least(middle, 16384 / inner)), blocks = (middle + block - 1) / block;
  float* part = new float[outer * blocks * inner];
#pragma omp parallel for schedule(static) if (outer * middle * inner > kGrain)
  for (int64_t k = 0; k < outer * blocks; k++) {
    const int64_t begin = k % blocks * block;
    reduceRows(op, x + (k / blocks * middle + begin) * inner, part + k * inner, least(block, middle - begin), inner);
  }
#pragma omp parallel for schedule(static) if (outer * blocks * inner > kGrain)
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t i = 0; i < inner; i++) {
      const float* column = part + o * blocks * inner + i;
      double total = column[0];
      for (int64_t k = 1; k < blocks; k++) total = combine(op, total, column[k * inner]);
      y[o * inner + i] = static_cast<float>(total * factor);
    }
  }
  delete[] part;
}

static void softmax(const float* x, float* y, int64_t rows, int64_t n, bool logarithm) {
#pragma omp parallel for schedule(static) if (rows * n > kGrain / 4)
  for (int64_t r = 0; r < rows; r++) {
    const float* in = x + r * n;
    float* out = y + r * n;
    const float top = static_cast<float>(reduceRun(kMax, in, n));
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
      const float e = expOfNegative(in[i] - top);
      out[i] = e;
      sum += e;
    }
    if (logarithm) {
      const float shift = top + __builtin_logf(sum);
      for (int64_t i = 0; i < n; i++) out[i] = in[i] - shift;
    } else {
      const float factor = 1.0f / sum;
      for (int64_t i = 0; i < n; i++) out[i] *= factor;
    }
  }
}
