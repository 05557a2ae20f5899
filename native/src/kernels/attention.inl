// Shifted-window attention, one (head, window) at a time. Nothing of the size of an attention matrix outlives a block of
// rows; the backward pass computes it again.

struct Layout {
  int64_t tokens;      // of a window
  int64_t keys;        // tokens, rounded up to whole vectors
  int64_t rows;        // tokens, rounded up to whole tiles
  int64_t depth;       // channels of a head
  int64_t width;       // depth, rounded up to whole vectors
  int64_t windows[3];  // of a volume
  int64_t count;       // windows of the batch
  int64_t tableRows;
  int64_t biasRows;    // one for each token, or a single one that all share
};

/** Query rows that are worked on together. */
static const int64_t kRowBlock = 24;

static Layout layoutOf(const Attention& a) {
  Layout l;
  l.tokens = a.window[0] * a.window[1] * a.window[2];
  l.keys = roundUp(l.tokens, 2 * kLanes);
  l.rows = roundUp(l.tokens, kRowBlock);
  l.depth = a.channels / a.heads;
  l.width = roundUp(l.depth, kLanes);
  l.count = a.batch;
  l.tableRows = 1;
  l.biasRows = l.tokens;
  for (int d = 0; d < 3; d++) {
    l.windows[d] = (a.size[d] + a.window[d] - 1) / a.window[d];
    l.count *= l.windows[d];
    l.tableRows *= 2 * a.tableWindow[d] - 1;
  }
  return l;
}

/** A thread's working memory, cut from one allocation. */
struct Workspace {
  float *q, *k, *v, *kt, *vt, *p, *out;           // forward
  float *g, *dp, *dq, *dk, *dv, *dbias;           // backward: g is the gradient of the output
  float *bias, *mask;                             // [biasRows, keys] of one head; [8, keys] of one window
  Left qLeft, gLeft;                              // the factors of products: q; g of a block of queries
  Right kRight, vRight, ktRight, vtRight;
  Factor *qSpace, *gSpace, *kSpace, *vSpace, *ktSpace, *vtSpace;
  int64_t *token, *query, *region, *code;         // token: row of qkv or -1; query: the window's rows that are real
  int64_t queries, regions;
  char* memory;
};

static Workspace makeWorkspace(const Layout& l, bool backward) {
  const int64_t perToken = roundUp(l.rows, 16) + 2 * kLanes, wide = perToken * l.width, tall = l.width * l.keys;
  const int64_t square = l.biasRows * l.keys, block = kRowBlock * l.keys;
  const int64_t queries = leftSize(perToken, l.depth), tokens = rightSize(l.tokens, l.width), turned = rightSize(l.depth, l.keys);
  const int64_t factors = queries + leftSize(kRowBlock, l.depth) + 2 * tokens + 2 * turned;
  const int64_t floats =
      4 * wide + 2 * tall + block + square + 9 * l.keys + (backward ? 4 * wide + block + square : 0) + factors + 1024;
  Workspace w;
  w.memory = static_cast<char*>(__builtin_malloc(floats * 4 + 4 * perToken * 8 + 64));
  float* next = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(w.memory) + 63) / 64 * 64);
  const auto take = [&next](int64_t n) {
    float* at = next;
    next += roundUp(n, 16);
    return at;
  };
  w.q = take(wide), w.k = take(wide), w.v = take(wide), w.out = take(wide);
  w.kt = take(tall), w.vt = take(tall);
  w.p = take(block), w.bias = take(square), w.mask = take(8 * l.keys);
  if (backward) {
    w.g = w.out, w.dq = take(wide), w.dk = take(wide), w.dv = take(wide), w.dp = take(block), w.dbias = take(square);
  }
  const auto room = [&take](int64_t n) { return reinterpret_cast<Factor*>(take(n)); };
  w.qSpace = room(queries), w.gSpace = room(leftSize(kRowBlock, l.depth));
  w.kSpace = room(tokens), w.vSpace = room(tokens), w.ktSpace = room(turned), w.vtSpace = room(turned);
  w.token = reinterpret_cast<int64_t*>(next);
  w.query = w.token + perToken;
  w.region = w.query + perToken;
  w.code = w.region + perToken;
  return w;
}

/** The number of a token in the table window's coordinates: the bias of (i, j) is row code(i) - code(j) + centre. */
static int64_t tableCode(const Attention& a, int64_t i) {
  const int64_t *t = a.tableWindow, z = i / (t[1] * t[2]), y = i / t[2] % t[1], x = i % t[2];
  return (z * (2 * t[1] - 1) + y) * (2 * t[2] - 1) + x;
}

static int64_t tableCentre(const Attention& a) {
  return tableCode(a, a.tableWindow[0] * a.tableWindow[1] * a.tableWindow[2] - 1);
}

static void expandBias(const Attention& a, const Layout& l, const float* table, int64_t head, Workspace& w) {
  for (int64_t i = 0; i < l.tokens; i++) w.code[i] = tableCode(a, i);
  const int64_t centre = tableCentre(a);
  for (int64_t i = 0; i < l.tokens; i++) {
    float* row = w.bias + i * l.keys;
    for (int64_t j = 0; j < l.tokens; j++) row[j] = table[(w.code[i] - w.code[j] + centre) * a.heads + head];
    // Far below every score, so that the padding of a row takes no part in its softmax.
    for (int64_t j = l.tokens; j < l.keys; j++) row[j] = -1e30f;
  }
}

/** Fills token, query, region and mask for a window. Regions and mask are those of MONAI's compute_mask. */
static void placeWindow(const Attention& a, const Layout& l, int64_t window, Workspace& w) {
  int64_t at[3], rest = window, seen = 0;
  for (int d = 2; d >= 0; d--) {
    at[d] = rest % l.windows[d];
    rest /= l.windows[d];
  }
  int64_t i = 0;
  w.queries = 0;
  int64_t place[3], source[3], part[3];
  for (int64_t z = 0; z < a.window[0]; z++) {
    for (int64_t y = 0; y < a.window[1]; y++) {
      for (int64_t x = 0; x < a.window[2]; x++, i++) {
        const int64_t offset[3] = {z, y, x};
        bool real = true;
        for (int d = 0; d < 3; d++) {
          const int64_t padded = l.windows[d] * a.window[d];
          place[d] = at[d] * a.window[d] + offset[d];
          source[d] = (place[d] + a.shift[d]) % padded;
          real = real && source[d] < a.size[d];
          part[d] = a.shift[d] == 0 || place[d] < padded - a.window[d] ? 0 : place[d] < padded - a.shift[d] ? 1 : 2;
        }
        w.token[i] = real ? ((rest * a.size[0] + source[0]) * a.size[1] + source[1]) * a.size[2] + source[2] : -1;
        w.region[i] = (part[0] * 3 + part[1]) * 3 + part[2];
        seen |= int64_t(1) << w.region[i];
        if (real) w.query[w.queries++] = i;
      }
    }
  }
  w.regions = 0;
  if ((seen & (seen - 1)) == 0) return;
  for (int64_t r = 0; r < 27; r++) {
    if (!(seen >> r & 1)) continue;
    float* row = w.mask + w.regions * l.keys;
    for (int64_t j = 0; j < l.keys; j++) row[j] = j < l.tokens && w.region[j] != r ? -100.0f : 0.0f;
    for (int64_t j = 0; j < l.tokens; j++) {
      if (w.region[j] == r) w.region[j] = -1 - w.regions;
    }
    w.regions++;
  }
  for (int64_t j = 0; j < l.tokens; j++) w.region[j] = -1 - w.region[j];
}

static inline void copyPadded(float* to, const float* from, int64_t n, int64_t width, float factor) {
  for (int64_t d = 0; d < n; d++) to[d] = from[d] * factor;
  for (int64_t d = n; d < width; d++) to[d] = 0;
}

/** Gathers the queries (scaled), keys and values of a head in a window; keys and, for the backward pass, values transposed. */
static void gather(const Attention& a, const Layout& l, const float* qkv, const float* pad, int64_t head, bool backward,
                   Workspace& w) {
  const int64_t stride = 3 * a.channels, at = head * l.depth;
  for (int64_t i = 0; i < l.tokens; i++) {
    const float* from = (w.token[i] < 0 ? pad : qkv + w.token[i] * stride) + at;
    copyPadded(w.k + i * l.width, from + a.channels, l.depth, l.width, 1.0f);
    copyPadded(w.v + i * l.width, from + 2 * a.channels, l.depth, l.width, 1.0f);
  }
  for (int64_t d = 0; d < l.depth; d++) {
    float* row = w.kt + d * l.keys;
    for (int64_t i = 0; i < l.tokens; i++) row[i] = w.k[i * l.width + d];
    for (int64_t i = l.tokens; i < l.keys; i++) row[i] = 0;
  }
  if (backward) {
    for (int64_t d = 0; d < l.depth; d++) {
      float* row = w.vt + d * l.keys;
      for (int64_t i = 0; i < l.tokens; i++) row[i] = w.v[i * l.width + d];
      for (int64_t i = l.tokens; i < l.keys; i++) row[i] = 0;
    }
  }
  const int64_t rows = roundUp(w.queries, kRowBlock);
  for (int64_t r = 0; r < rows; r++) {
    float* to = w.q + r * l.width;
    if (r < w.queries) copyPadded(to, qkv + w.token[w.query[r]] * stride + at, l.depth, l.width, a.scale);
    else for (int64_t d = 0; d < l.width; d++) to[d] = 0;
  }
  w.qLeft = leftOf(w.q, l.width, 1, rows, l.depth, w.qSpace);
  w.ktRight = rightOf(w.kt, l.keys, l.depth, l.keys, w.ktSpace);
  if (backward) {
    w.kRight = rightOf(w.k, l.width, l.tokens, l.width, w.kSpace);
    w.vtRight = rightOf(w.vt, l.keys, l.depth, l.keys, w.vtSpace);
  } else {
    w.vRight = rightOf(w.v, l.width, l.tokens, l.width, w.vSpace);
  }
}

/** One tile of scores: q·k + bias + mask (`mask` may be null) for two vectors of keys, and the rows' maxima so far. */
static inline void scoreTile(const Left& q, const Right& kt, int64_t keys, int64_t steps, const float* const* bias,
                             const float* const* mask, int64_t j, float* p, Lanes* top) {
  Lanes sum[kTileRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kTileRows; r++) {
    sum[r][0] = loadLanes(bias[r] + j), sum[r][1] = loadLanes(bias[r] + j + kLanes);
    if (mask) sum[r][0] += loadLanes(mask[r] + j), sum[r][1] += loadLanes(mask[r] + j + kLanes);
  }
  for (int64_t d = 0; d < steps; d++) {
    const Factor* row = kt.at + d * kt.row + j;
    const Factors left = loadFactors(row), right = loadFactors(row + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kTileRows; r++) {
      const Factor value = q.at[r * q.row + d * q.step];
      sum[r][0] = multiplyAdd(sum[r][0], value, left);
      sum[r][1] = multiplyAdd(sum[r][1], value, right);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kTileRows; r++) {
    storeLanes(p + r * keys + j, sum[r][0]);
    storeLanes(p + r * keys + j + kLanes, sum[r][1]);
    const Lanes larger = sum[r][0] > sum[r][1] ? sum[r][0] : sum[r][1];
    top[r] = larger > top[r] ? larger : top[r];
  }
}

/** exp(scores - their maximum) of the block of queries that begins at `first`, in w.p; gives 1 / sum for each row. */
static void attend(const Layout& l, int64_t first, int64_t rows, Workspace& w, float* inverse) {
  for (int64_t begin = 0; begin < rows; begin += kTileRows) {
    const float *bias[kTileRows], *mask[kTileRows];
    Lanes top[kTileRows];
    for (int r = 0; r < kTileRows; r++) {
      // Rows beyond the last query are computed as if they were the first.
      const int64_t token = w.query[begin + r < rows ? first + begin + r : first];
      bias[r] = w.bias + (l.biasRows > 1 ? token * l.keys : 0);
      mask[r] = w.mask + (w.regions > 0 ? w.region[token] * l.keys : 0);
      top[r] = Lanes{} - 3e38f;
    }
    const Left q = fromRow(w.qLeft, first + begin);
    float* p = w.p + begin * l.keys;
    for (int64_t j = 0; j < l.keys; j += 2 * kLanes) {
      scoreTile(q, w.ktRight, l.keys, stepsOf(l.depth), bias, w.regions > 0 ? mask : nullptr, j, p, top);
    }
    for (int r = 0; r < kTileRows; r++) {
      float *row = p + r * l.keys, peak = top[r][0], sum = 0;
      for (int lane = 1; lane < kLanes; lane++) peak = top[r][lane] > peak ? top[r][lane] : peak;
#pragma omp simd reduction(+ : sum)
      for (int64_t j = 0; j < l.keys; j++) {
        row[j] = expOfNegative(row[j] - peak);
        sum += row[j];
      }
      if (begin + r < rows) inverse[begin + r] = 1.0f / sum;
    }
  }
}

/** dp = g · vᵀ for a block of queries, and for each row Σ p · dp. */
static void gradientOfScores(const Layout& l, int64_t rows, Workspace& w, float* dot) {
  for (int64_t begin = 0; begin < rows; begin += kTileRows) {
    const Left g = fromRow(w.gLeft, begin);
    const float* p = w.p + begin * l.keys;
    float* dp = w.dp + begin * l.keys;
    Lanes total[kTileRows] = {};
    for (int64_t j = 0; j < l.keys; j += 2 * kLanes) {
      tile<kTileRows, 2, false>(g, fromColumn(w.vtRight, j), dp + j, l.keys, stepsOf(l.depth));
#pragma GCC unroll 16
      for (int r = 0; r < kTileRows; r++) {
        const int64_t at = r * l.keys + j;
        total[r] += loadLanes(p + at) * loadLanes(dp + at) + loadLanes(p + at + kLanes) * loadLanes(dp + at + kLanes);
      }
    }
    for (int r = 0; r < kTileRows && begin + r < rows; r++) dot[begin + r] = laneSum(total[r]);
  }
}

/** Heads × windows are cut into one run a thread: where a thread's run begins. */
static int64_t shareBegin(int64_t items, int thread, int threads) { return items * thread / threads; }

/** Whether there is enough to do for more than one thread. */
static bool worthSharing(const Layout& l, int64_t items) {
  return items > 1 && static_cast<double>(items) * l.tokens * l.keys * l.width > 1e6;
}

static void attention(const Attention& a, const float* qkv, const float* pad, const float* table, float* y) {
  const Layout l = layoutOf(a);
  const int64_t items = a.heads * l.count;
#pragma omp parallel if (worthSharing(l, items))
  {
    Workspace w = makeWorkspace(l, false);
    float inverse[kRowBlock];
    int64_t head = -1;
    const int64_t end = shareBegin(items, omp_get_thread_num() + 1, omp_get_num_threads());
    for (int64_t item = shareBegin(items, omp_get_thread_num(), omp_get_num_threads()); item < end; item++) {
      if (item / l.count != head) {
        head = item / l.count;
        expandBias(a, l, table, head, w);
      }
      placeWindow(a, l, item % l.count, w);
      gather(a, l, qkv, pad, head, false, w);
      for (int64_t first = 0; first < w.queries; first += kRowBlock) {
        const int64_t rows = least(kRowBlock, w.queries - first);
        attend(l, first, rows, w, inverse);
        const int64_t whole = roundUp(rows, kTileRows);
        const Left p = leftOf(w.p, l.keys, 1, whole, l.tokens, factorSpace(leftSize(whole, l.tokens)));
        product<false>(p, w.vRight, w.out, l.width, whole, l.width, l.tokens);
        for (int64_t r = 0; r < rows; r++) {
          float* to = y + w.token[w.query[first + r]] * a.channels + head * l.depth;
          for (int64_t d = 0; d < l.depth; d++) to[d] = w.out[r * l.width + d] * inverse[r];
        }
      }
    }
    __builtin_free(w.memory);
  }
}

/** The gradients of one head in one window, added to w.dbias, written to dqkv, and added to dpad for tokens that pad. */
static void backwardWindow(const Attention& a, const Layout& l, const float* dy, int64_t head, Workspace& w, float* dqkv,
                           double* dpad) {
  const int64_t stride = 3 * a.channels, at = head * l.depth;
  float inverse[kRowBlock], dot[kRowBlock];
  for (int64_t i = 0; i < roundUp(l.tokens, kTileRows) * l.width; i++) w.dk[i] = w.dv[i] = 0;
  for (int64_t first = 0; first < w.queries; first += kRowBlock) {
    const int64_t rows = least(kRowBlock, w.queries - first), whole = roundUp(rows, kTileRows);
    attend(l, first, rows, w, inverse);
    // The rows of p are not divided by their sums; the gradient of the output is instead.
    for (int64_t r = 0; r < rows; r++) {
      copyPadded(w.g + r * l.width, dy + w.token[w.query[first + r]] * a.channels + at, l.depth, l.width, inverse[r]);
    }
    for (int64_t i = rows * l.width; i < whole * l.width; i++) w.g[i] = 0;
    w.gLeft = leftOf(w.g, l.width, 1, whole, l.depth, w.gSpace);
    gradientOfScores(l, rows, w, dot);
    for (int64_t r = 0; r < rows; r++) {
      float *p = w.p + r * l.keys, *dp = w.dp + r * l.keys, *dbias = w.dbias + w.query[first + r] * l.keys;
      const float mean = dot[r] * inverse[r];
#pragma omp simd
      for (int64_t j = 0; j < l.keys; j++) {
        dp[j] = p[j] * (dp[j] - mean);
        dbias[j] += dp[j];
      }
    }
    const Left dp = leftOf(w.dp, l.keys, 1, whole, l.tokens, factorSpace(leftSize(whole, l.tokens)));
    product<false>(dp, w.kRight, w.dq, l.width, whole, l.width, l.tokens);
    // Tiles over keys: rows of p and dp beyond `rows` are not read, columns beyond `tokens` are within their padding.
    product<true>(w.p, 1, l.keys, w.g, l.width, w.dv, l.width, roundUp(l.tokens, kTileRows), l.width, rows);
    product<true>(w.dp, 1, l.keys, w.q + first * l.width, l.width, w.dk, l.width, roundUp(l.tokens, kTileRows), l.width, rows);
    for (int64_t r = 0; r < rows; r++) {
      float* to = dqkv + w.token[w.query[first + r]] * stride + at;
      for (int64_t d = 0; d < l.depth; d++) to[d] = w.dq[r * l.width + d] * a.scale;
    }
  }
  for (int64_t i = 0; i < l.tokens; i++) {
    const float *dk = w.dk + i * l.width, *dv = w.dv + i * l.width;
    if (w.token[i] >= 0) {
      float* to = dqkv + w.token[i] * stride + at;
      for (int64_t d = 0; d < l.depth; d++) to[a.channels + d] = dk[d];
      for (int64_t d = 0; d < l.depth; d++) to[2 * a.channels + d] = dv[d];
    } else {
      for (int64_t d = 0; d < l.depth; d++) dpad[a.channels + at + d] += dk[d];
      for (int64_t d = 0; d < l.depth; d++) dpad[2 * a.channels + at + d] += dv[d];
    }
  }
}

/** Adds a head's w.dbias to the table's gradient and empties it. */
static void foldBias(const Attention& a, const Layout& l, int64_t head, Workspace& w, double* dtable) {
  const int64_t centre = tableCentre(a);
  for (int64_t i = 0; i < l.tokens; i++) {
    float* row = w.dbias + i * l.keys;
    for (int64_t j = 0; j < l.tokens; j++) dtable[(w.code[i] - w.code[j] + centre) * a.heads + head] += row[j];
    for (int64_t j = 0; j < l.keys; j++) row[j] = 0;
  }
}

static void attentionGrad(const Attention& a, const float* qkv, const float* pad, const float* table, const float* dy,
                          float* dqkv, float* dpad, float* dtable) {
  const Layout l = layoutOf(a);
  const int64_t items = a.heads * l.count, padSize = 3 * a.channels, tableSize = l.tableRows * a.heads;
  const int limit = omp_get_max_threads();
  int threads = 1;
  double* part = new double[limit * (padSize + tableSize)]();
#pragma omp parallel num_threads(limit) if (worthSharing(l, items))
  {
#pragma omp single
    threads = omp_get_num_threads();
    Workspace w = makeWorkspace(l, true);
    for (int64_t i = 0; i < l.tokens * l.keys; i++) w.dbias[i] = 0;
    double *myPad = part + omp_get_thread_num() * (padSize + tableSize), *myTable = myPad + padSize;
    int64_t head = -1;
    const int64_t end = shareBegin(items, omp_get_thread_num() + 1, threads);
    for (int64_t item = shareBegin(items, omp_get_thread_num(), threads); item < end; item++) {
      if (item / l.count != head) {
        if (head >= 0) foldBias(a, l, head, w, myTable);
        head = item / l.count;
        expandBias(a, l, table, head, w);
      }
      placeWindow(a, l, item % l.count, w);
      gather(a, l, qkv, pad, head, true, w);
      backwardWindow(a, l, dy, head, w, dqkv, myPad);
    }
    if (head >= 0) foldBias(a, l, head, w, myTable);
    __builtin_free(w.memory);
  }
  for (int64_t i = 0; i < padSize + tableSize; i++) {
    double total = 0;
    for (int t = 0; t < threads; t++) total += part[t * (padSize + tableSize) + i];
    (i < padSize ? dpad[i] : dtable[i - padSize]) = static_cast<float>(total);
  }
  delete[] part;
}
