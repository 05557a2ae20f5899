// Elementwise functions, one loop each.
template <class F>
static void mapUnary(F f, const float* x, float* y, int64_t n) {
#pragma omp parallel for simd schedule(static) if (n > kGrain)
  for (int64_t i = 0; i < n; i++) y[i] = f(x[i]);
}

static void unary(int op, const float* x, float* y, int64_t n, float p) {
  (void)p;
  int next = 0;
#define VOCO_CASE(NAME, EXPRESSION)                                      \
  if (op == next++) {                                                    \
    mapUnary([p](float x) { (void)p; return EXPRESSION; }, x, y, n);     \
    return;                                                              \
  }
  VOCO_UNARY(VOCO_CASE)
#undef VOCO_CASE
}

template <class F>
static inline void mapRow(F f, const float* a, const float* b, float* y, int64_t n, int64_t sa, int64_t sb) {
  if (sa == 1 && sb == 1) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] = f(a[i], b[i]);
  } else if (sa == 1 && sb == 0) {
    const float right = *b;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] = f(a[i], right);
  } else if (sa == 0 && sb == 1) {
    const float left = *a;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] = f(left, b[i]);
  } else {
    for (int64_t i = 0; i < n; i++) y[i] = f(a[i * sa], b[i * sb]);
  }
}

template <class F>
static void mapBinary(F f, const float* a, const float* b, float* y, const Box& box) {
  const int last = box.rank - 1;
  const int64_t n = box.dims[last], sa = box.from[last], sb = box.to[last];
  int64_t rows = 1;
  for (int d = 0; d < last; d++) rows *= box.dims[d];
  if (rows == 1) {
    const int64_t block = 8192, blocks = (n + block - 1) / block;
#pragma omp parallel for schedule(static) if (n > kGrain)
    for (int64_t k = 0; k < blocks; k++) {
      const int64_t i = k * block;
      mapRow(f, a + i * sa, b + i * sb, y + i, least(block, n - i), sa, sb);
    }
    return;
  }
  // A few hundred runs of rows: each run decodes its first row's place once and then counts on.
  const int64_t run = most(1, rows / 512), runs = (rows + run - 1) / run;
#pragma omp parallel for schedule(static) if (rows * n > kGrain)
  for (int64_t k = 0; k < runs; k++) {
    const int64_t begin = k * run, end = least(rows, begin + run);
    int64_t at[kMaxRank], rest = begin, ia = 0, ib = 0;
    for (int d = last - 1; d >= 0; d--) {
      at[d] = rest % box.dims[d];
      rest /= box.dims[d];
      ia += at[d] * box.from[d];
      ib += at[d] * box.to[d];
    }
    for (int64_t row = begin; row < end; row++) {
      mapRow(f, a + ia, b + ib, y + row * n, n, sa, sb);
      for (int d = last - 1; d >= 0; d--) {
        ia += box.from[d];
        ib += box.to[d];
        if (++at[d] < box.dims[d]) break;
        ia -= box.from[d] * box.dims[d];
        ib -= box.to[d] * box.dims[d];
        at[d] = 0;
      }
    }
  }
}

static void binary(int op, const float* a, const float* b, float* y, const Box& box, float p) {
  (void)p;
  int next = 0;
#define VOCO_CASE(NAME, EXPRESSION)                                              \
  if (op == next++) {                                                            \
    mapBinary([p](float a, float b) { (void)p; return EXPRESSION; }, a, b, y, box); \
    return;                                                                      \
  }
  VOCO_BINARY(VOCO_CASE)
#undef VOCO_CASE
}

static void addLeakyReluGrad(const float* a, const float* b, const float* dy, float* dx, int64_t n, float slope) {
#pragma omp parallel for simd schedule(static) if (n > kGrain)
  for (int64_t i = 0; i < n; i++) dx[i] = a[i] + b[i] > 0.0f ? dy[i] : dy[i] * slope;
}

static void lerp(float* y, const float* x, int64_t n, float weight) {
#pragma omp parallel for simd schedule(static) if (n > kGrain)
  for (int64_t i = 0; i < n; i++) y[i] += (x[i] - y[i]) * weight;
}

/** torch.optim.AdamW's rule: the decay first, then the moments; `vmax` (amsgrad) may be null. */
static void adamw(const AdamW& s, float* param, const float* grad, float* m, float* v, float* vmax, int64_t n) {
  const float keep = s.keep, step = s.step, root = s.root, eps = s.eps;
  const float beta1 = s.beta1, beta2 = s.beta2, rest1 = s.rest1, rest2 = s.rest2;
  if (vmax) {
#pragma omp parallel for simd schedule(static) if (n > kGrain)
    for (int64_t i = 0; i < n; i++) {
      const float g = grad[i];
      m[i] = m[i] * beta1 + g * rest1;
      v[i] = v[i] * beta2 + g * g * rest2;
      const float bound = vmax[i] > v[i] ? vmax[i] : v[i];
      vmax[i] = bound;
      param[i] = param[i] * keep - step * m[i] / (__builtin_sqrtf(bound) * root + eps);
    }
  } else {
#pragma omp parallel for simd schedule(static) if (n > kGrain)
    for (int64_t i = 0; i < n; i++) {
      const float g = grad[i];
      m[i] = m[i] * beta1 + g * rest1;
      v[i] = v[i] * beta2 + g * g * rest2;
      param[i] = param[i] * keep - step * m[i] / (__builtin_sqrtf(v[i]) * root + eps);
    }
  }
}
