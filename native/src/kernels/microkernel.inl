// A small matrix product in registers, the heart of the kernels that multiply. Its two factors are written in the form that
// `float32.inl` or `bf16.inl` gives them; sums are float32 in both.

/** Rows of a tile: twelve accumulators of two vectors fill AVX-512's registers, six those of AVX2. */
static const int kTileRows = VOCO_LANES == 16 ? 12 : 6;

/** Steps along the depth that a product takes. */
static inline int64_t stepsOf(int64_t depth) { return (depth + kDepth - 1) / kDepth; }

/** C[R, V·lanes] (+)= A[R, steps] · B[steps, V·lanes]. Rows of C are `ldc` apart. */
template <int R, int V, bool Add>
static inline __attribute__((always_inline)) void tile(const Left& a, const Right& b, float* c, int64_t ldc, int64_t steps) {
  Lanes sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
      if (Add) sum[r][v] = loadLanes(c + r * ldc + v * kLanes);
      else sum[r][v] = Lanes{};
    }
  }
  for (int64_t k = 0; k < steps; k++) {
    Factors right[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) right[v] = loadFactors(b.at + k * b.row + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const Factor left = a.at[r * a.row + k * a.step];
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) sum[r][v] = multiplyAdd(sum[r][v], left, right[v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) storeLanes(c + r * ldc + v * kLanes, sum[r][v]);
  }
}

static inline Left fromRow(const Left& a, int64_t row) { return {a.at + row * a.row, a.row, a.step}; }
static inline Right fromColumn(const Right& b, int64_t column) { return {b.at + column, b.row}; }

/** Two vectors of columns (or one), and all rows: whole tiles, then pairs, then single rows. */
template <int V, bool Add>
static inline __attribute__((always_inline)) void panel(const Left& a, const Right& b, float* c, int64_t ldc, int64_t rows,
                                                        int64_t steps) {
  int64_t i = 0;
  for (; i + kTileRows <= rows; i += kTileRows) tile<kTileRows, V, Add>(fromRow(a, i), b, c + i * ldc, ldc, steps);
  for (; i + 2 <= rows; i += 2) tile<2, V, Add>(fromRow(a, i), b, c + i * ldc, ldc, steps);
  for (; i < rows; i++) tile<1, V, Add>(fromRow(a, i), b, c + i * ldc, ldc, steps);
}

/** The same for any number of rows and of columns (a multiple of the lanes). */
template <bool Add>
static void product(const Left& a, const Right& b, float* c, int64_t ldc, int64_t rows, int64_t columns, int64_t depth) {
  const int64_t steps = stepsOf(depth);
  int64_t j = 0;
  for (; j + 2 * kLanes <= columns; j += 2 * kLanes) panel<2, Add>(a, fromColumn(b, j), c + j, ldc, rows, steps);
  for (; j < columns; j += kLanes) panel<1, Add>(a, fromColumn(b, j), c + j, ldc, rows, steps);
}

/**
 * The same of factors as they lie in memory: A's element (r, k) is at a[r·ra + k·ka], where ra or ka is 1, so that a
 * transposed A needs no copy; rows of B are `ldb` apart.
 */
template <bool Add>
static void product(const float* a, int64_t ra, int64_t ka, const float* b, int64_t ldb, float* c, int64_t ldc, int64_t rows,
                    int64_t columns, int64_t depth) {
  Factor* space = factorSpace(leftSize(rows, depth) + rightSize(depth, columns));
  const Left left = leftOf(a, ra, ka, rows, depth, space);
  product<Add>(left, rightOf(b, ldb, depth, columns, space + leftSize(rows, depth)), c, ldc, rows, columns, depth);
}
