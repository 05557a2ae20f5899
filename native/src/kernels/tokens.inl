// Attention of all tokens of a crop to all, with rotary positions, one (crop, head) at a time: blocks of rows as in
// `attention.inl`, without a bias. Nothing of the size of an attention matrix is kept.

static Layout layoutOf(const TokenAttention& a) {
  Layout l{};
  l.tokens = a.tokens;
  l.keys = roundUp(l.tokens, 2 * kLanes);
  l.rows = roundUp(l.tokens, kRowBlock);
  l.depth = a.channels / a.heads;
  l.width = roundUp(l.depth, kLanes);
  l.count = a.batch;
  l.biasRows = 1;
  return l;
}

/** Pairs of channels turned by the angles of `rotary` (sines, then cosines), or back; then times `factor`. */
static inline void copyTurned(float* to, const float* from, const float* rotary, int64_t depth, bool back, float factor) {
  const int64_t pairs = depth / 2;
  const float sign = back ? -1.0f : 1.0f;
  for (int64_t p = 0; p < pairs; p++) {
    const float even = from[2 * p], odd = from[2 * p + 1], sine = sign * rotary[p], cosine = rotary[pairs + p];
    to[2 * p] = (even * cosine - odd * sine) * factor;
    to[2 * p + 1] = (odd * cosine + even * sine) * factor;
  }
}

/** What is read and written of one head of one crop: rows of tokens are `channels` apart. */
struct Place {
  int64_t first;  // of the crop's rows, in elements, with the head's channels
  const float* rotary;
};

static Place placeOf(const TokenAttention& a, const Layout& l, const float* rotary, int64_t item) {
  const int64_t crop = item % l.count, head = item / l.count;
  return {crop * a.tokens * a.channels + head * l.depth, rotary + (a.rotaries > 1 ? crop : 0) * a.tokens * l.depth};
}

static inline void padRow(float* row, int64_t depth, int64_t width) {
  for (int64_t d = depth; d < width; d++) row[d] = 0;
}

static void turnedTokens(const TokenAttention& a, const Layout& l, const float* q, const float* k, const float* v,
                         const Place& at, bool backward, Workspace& w) {
  for (int64_t i = 0; i < l.tokens; i++) {
    const int64_t from = at.first + i * a.channels;
    const float* angles = at.rotary + i * l.depth;
    copyTurned(w.q + i * l.width, q + from, angles, l.depth, false, a.scale);
    copyTurned(w.k + i * l.width, k + from, angles, l.depth, false, 1.0f);
    copyPadded(w.v + i * l.width, v + from, l.depth, l.width, 1.0f);
    padRow(w.q + i * l.width, l.depth, l.width);
    padRow(w.k + i * l.width, l.depth, l.width);
  }
  for (int64_t i = l.tokens * l.width; i < l.rows * l.width; i++) w.q[i] = 0;
  const auto transposed = [&l](const float* x, float* t) {
    for (int64_t d = 0; d < l.depth; d++) {
      for (int64_t i = 0; i < l.tokens; i++) t[d * l.keys + i] = x[i * l.width + d];
      for (int64_t i = l.tokens; i < l.keys; i++) t[d * l.keys + i] = 0;
    }
  };
  transposed(w.k, w.kt);
  w.qLeft = leftOf(w.q, l.width, 1, l.rows, l.depth, w.qSpace);
  w.ktRight = rightOf(w.kt, l.keys, l.depth, l.keys, w.ktSpace);
  if (backward) {
    transposed(w.v, w.vt);
    w.kRight = rightOf(w.k, l.width, l.tokens, l.width, w.kSpace);
    w.vtRight = rightOf(w.vt, l.keys, l.depth, l.keys, w.vtSpace);
  } else {
    w.vRight = rightOf(w.v, l.width, l.tokens, l.width, w.vSpace);
  }
}

/** A workspace whose one row of bias leaves the padding of a row out of its softmax. */
static Workspace tokenWorkspace(const Layout& l, bool backward) {
  Workspace w = makeWorkspace(l, backward);
  for (int64_t j = 0; j < l.keys; j++) w.bias[j] = j < l.tokens ? 0.0f : -1e30f;
  for (int64_t i = 0; i < l.tokens; i++) w.query[i] = i;
  w.queries = l.tokens;
  w.regions = 0;
  return w;
}

static void tokenAttention(const TokenAttention& a, const float* q, const float* k, const float* v, const float* rotary,
                           float* y) {
  const Layout l = layoutOf(a);
  const int64_t items = a.heads * l.count;
#pragma omp parallel if (worthSharing(l, items))
  {
    Workspace w = tokenWorkspace(l, false);
    float inverse[kRowBlock];
    const int64_t end = shareBegin(items, omp_get_thread_num() + 1, omp_get_num_threads());
    for (int64_t item = shareBegin(items, omp_get_thread_num(), omp_get_num_threads()); item < end; item++) {
      const Place at = placeOf(a, l, rotary, item);
      turnedTokens(a, l, q, k, v, at, false, w);
      for (int64_t first = 0; first < l.tokens; first += kRowBlock) {
        const int64_t rows = least(kRowBlock, l.tokens - first), whole = roundUp(rows, kTileRows);
        attend(l, first, rows, w, inverse);
        const Left p = leftOf(w.p, l.keys, 1, whole, l.tokens, factorSpace(leftSize(whole, l.tokens)));
        product<false>(p, w.vRight, w.out, l.width, whole, l.width, l.tokens);
        for (int64_t r = 0; r < rows; r++) {
          copyPadded(y + at.first + (first + r) * a.channels, w.out + r * l.width, l.depth, l.depth, inverse[r]);
        }
      }
    }
    __builtin_free(w.memory);
  }
}

/** The gradients of one head of one crop. */
static void backwardTokens(const TokenAttention& a, const Layout& l, const float* dy, const Place& at, Workspace& w,
                           float* dq, float* dk, float* dv) {
  float inverse[kRowBlock], dot[kRowBlock];
  for (int64_t i = 0; i < roundUp(l.tokens, kTileRows) * l.width; i++) w.dk[i] = w.dv[i] = 0;
  for (int64_t first = 0; first < l.tokens; first += kRowBlock) {
    const int64_t rows = least(kRowBlock, l.tokens - first), whole = roundUp(rows, kTileRows);
    attend(l, first, rows, w, inverse);
    // The rows of p are not divided by their sums; the gradient of the output is instead.
    for (int64_t r = 0; r < rows; r++) {
      copyPadded(w.g + r * l.width, dy + at.first + (first + r) * a.channels, l.depth, l.width, inverse[r]);
    }
    for (int64_t i = rows * l.width; i < whole * l.width; i++) w.g[i] = 0;
    w.gLeft = leftOf(w.g, l.width, 1, whole, l.depth, w.gSpace);
    gradientOfScores(l, rows, w, dot);
    for (int64_t r = 0; r < rows; r++) {
      float *p = w.p + r * l.keys, *dp = w.dp + r * l.keys;
      const float mean = dot[r] * inverse[r];
#pragma omp simd
      for (int64_t j = 0; j < l.keys; j++) dp[j] = p[j] * (dp[j] - mean);
    }
    const Left dp = leftOf(w.dp, l.keys, 1, whole, l.tokens, factorSpace(leftSize(whole, l.tokens)));
    product<false>(dp, w.kRight, w.dq, l.width, whole, l.width, l.tokens);
    product<true>(w.p, 1, l.keys, w.g, l.width, w.dv, l.width, roundUp(l.tokens, kTileRows), l.width, rows);
    product<true>(w.dp, 1, l.keys, w.q + first * l.width, l.width, w.dk, l.width, roundUp(l.tokens, kTileRows), l.width, rows);
    for (int64_t r = 0; r < rows; r++) {
      const int64_t i = first + r;
      copyTurned(dq + at.first + i * a.channels, w.dq + r * l.width, at.rotary + i * l.depth, l.depth, true, a.scale);
    }
  }
  for (int64_t i = 0; i < l.tokens; i++) {
    const int64_t to = at.first + i * a.channels;
    copyTurned(dk + to, w.dk + i * l.width, at.rotary + i * l.depth, l.depth, true, 1.0f);
    copyPadded(dv + to, w.dv + i * l.width, l.depth, l.depth, 1.0f);
  }
}

static void tokenAttentionGrad(const TokenAttention& a, const float* q, const float* k, const float* v, const float* rotary,
                               const float* dy, float* dq, float* dk, float* dv) {
  const Layout l = layoutOf(a);
  const int64_t items = a.heads * l.count;
#pragma omp parallel if (worthSharing(l, items))
  {
    Workspace w = tokenWorkspace(l, true);
    const int64_t end = shareBegin(items, omp_get_thread_num() + 1, omp_get_num_threads());
    for (int64_t item = shareBegin(items, omp_get_thread_num(), omp_get_num_threads()); item < end; item++) {
      const Place at = placeOf(a, l, rotary, item);
      turnedTokens(a, l, q, k, v, at, true, w);
      backwardTokens(a, l, dy, at, w, dq, dk, dv);
    }
    __builtin_free(w.memory);
  }
}
