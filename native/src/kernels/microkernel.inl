// A small matrix product in registers, the heart of the attention kernels.

static const int kLanes = VOCO_LANES;
typedef float Lanes __attribute__((vector_size(4 * VOCO_LANES), aligned(4), may_alias));
static inline Lanes loadLanes(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
static inline void storeLanes(float* p, Lanes v) { *reinterpret_cast<Lanes*>(p) = v; }

static inline float laneSum(Lanes v) {
  float s = 0;
  for (int l = 0; l < kLanes; l++) s += v[l];
  return s;
}

/** Rows of a tile: twelve accumulators of two vectors fill AVX-512's registers, six those of AVX2. */
static const int kTileRows = VOCO_LANES == 16 ? 12 : 6;

/**
 * C[R, V·lanes] (+)= A[R, depth] · B[depth, V·lanes]. A's element (r, k) is at a[r·ra + k·ka], so that a transposed A needs no
 * copy. Rows of B and C are `ldb` and `ldc` apart.
 */
template <int R, int V, bool Add>
static inline __attribute__((always_inline)) void tile(const float* a, int64_t ra, int64_t ka, const float* b, int64_t ldb,
                                                       float* c, int64_t ldc, int64_t depth) {
  Lanes sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
      if (Add) sum[r][v] = *reinterpret_cast<const Lanes*>(c + r * ldc + v * kLanes);
      else sum[r][v] = Lanes{};
    }
  }
  for (int64_t k = 0; k < depth; k++) {
    Lanes right[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) right[v] = *reinterpret_cast<const Lanes*>(b + k * ldb + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const float left = a[r * ra + k * ka];
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) sum[r][v] += left * right[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) *reinterpret_cast<Lanes*>(c + r * ldc + v * kLanes) = sum[r][v];
  }
}

/** Two vectors of columns (or one), and all rows: whole tiles, then pairs, then single rows. */
template <int V, bool Add>
static inline __attribute__((always_inline)) void panel(const float* a, int64_t ra, int64_t ka, const float* b, int64_t ldb,
                                                        float* c, int64_t ldc, int64_t rows, int64_t depth) {
  int64_t i = 0;
  for (; i + kTileRows <= rows; i += kTileRows) tile<kTileRows, V, Add>(a + i * ra, ra, ka, b, ldb, c + i * ldc, ldc, depth);
  for (; i + 2 <= rows; i += 2) tile<2, V, Add>(a + i * ra, ra, ka, b, ldb, c + i * ldc, ldc, depth);
  for (; i < rows; i++) tile<1, V, Add>(a + i * ra, ra, ka, b, ldb, c + i * ldc, ldc, depth);
}

/** The same for any number of rows and of columns (a multiple of the lanes). */
template <bool Add>
static void product(const float* a, int64_t ra, int64_t ka, const float* b, int64_t ldb, float* c, int64_t ldc, int64_t rows,
                    int64_t columns, int64_t depth) {
  int64_t j = 0;
  for (; j + 2 * kLanes <= columns; j += 2 * kLanes) panel<2, Add>(a, ra, ka, b + j, ldb, c + j, ldc, rows, depth);
  for (; j < columns; j += kLanes) panel<1, Add>(a, ra, ka, b + j, ldb, c + j, ldc, rows, depth);
}
