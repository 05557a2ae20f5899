// The factors of a product as bfloat16, two neighbours of the depth in a word: the layout of AVX512-BF16's dot product, which
// adds both products to a float32. Where VOCO_EMULATED is defined, the same words are multiplied as floats.

/** Two numbers of neighbouring depths, the first in the low half. */
typedef uint32_t Factor;
typedef uint32_t Factors __attribute__((vector_size(4 * VOCO_LANES), aligned(4), may_alias));
static const int kDepth = 2;

/** The pair (r, 2k), (r, 2k + 1) is at [r·row + k·step]. */
struct Left {
  const Factor* at;
  int64_t row, step;
};
/** The pairs of rows 2k and 2k + 1 begin at [k·row]. */
struct Right {
  const Factor* at;
  int64_t row;
};

static inline Factors loadFactors(const Factor* p) { return *reinterpret_cast<const Factors*>(p); }
static inline void storeFactors(Factor* p, Factors v) { *reinterpret_cast<Factors*>(p) = v; }

/** A number's bfloat16, rounded to nearest even; NaN stays NaN. */
static inline uint32_t bf16Of(float x) {
  const uint32_t bits = static_cast<uint32_t>(floatToBits(x));
  return x != x ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
static inline uint32_t pairOf(float low, float high) { return bf16Of(low) | bf16Of(high) << 16; }

#ifdef VOCO_EMULATED

static inline Factors bf16Lanes(Lanes x) {
  Factors bits, nan;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const auto differs = x != x;
  __builtin_memcpy(&nan, &differs, sizeof nan);
  return (nan & (bits >> 16 | 0x40)) | (~nan & ((bits + 0x7fff + (bits >> 16 & 1)) >> 16));
}
static inline Lanes floatLanes(Factors bits) {
  Lanes x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

/** Each lane's pair of a number of `low` and one of `high`. */
static inline Factors pairsOf(Lanes low, Lanes high) { return bf16Lanes(low) | bf16Lanes(high) << 16; }

/** The pairs of neighbours of a row, `n` numbers long; the last may be alone. */
static inline void pairRow(const float* x, int64_t n, Factor* to) {
  for (int64_t i = 0; i < n / 2; i++) to[i] = pairOf(x[2 * i], x[2 * i + 1]);
  if (n % 2) to[n / 2] = bf16Of(x[n - 1]);
}

static inline Lanes multiplyAdd(Lanes sum, Factor left, Factors right) {
  sum += bitsToFloat(static_cast<int32_t>(left << 16)) * floatLanes(right << 16);
  return sum + bitsToFloat(static_cast<int32_t>(left & 0xffff0000)) * floatLanes(right & 0xffff0000);
}

#else

static inline Factors pairsOf(Lanes low, Lanes high) {
  alignas(64) static const uint16_t kInterleave[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
  return (Factors)_mm512_permutexvar_epi16(_mm512_load_si512(kInterleave), both);
}

static inline void pairRow(const float* x, int64_t n, Factor* to) {
  const auto first = [](int64_t count) { return static_cast<__mmask16>(count >= 16 ? 0xffff : count <= 0 ? 0 : (1 << count) - 1); };
  for (int64_t i = 0; i < n; i += 32) {
    const int64_t rest = n - i;
    const __m512 low = _mm512_maskz_loadu_ps(first(rest), x + i), high = _mm512_maskz_loadu_ps(first(rest - 16), x + i + 16);
    _mm512_mask_storeu_epi32(to + i / 2, first((rest + 1) / 2), (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

static inline Lanes multiplyAdd(Lanes sum, Factor left, Factors right) {
  const __m512i both = _mm512_set1_epi32(static_cast<int32_t>(left));
  return (Lanes)_mm512_dpbf16_ps((__m512)sum, (__m512bh)both, (__m512bh)right);
}

#endif

/** Words that `leftOf` and `rightOf` write, in whole cache lines. */
static inline int64_t leftSize(int64_t rows, int64_t depth) { return roundUp(rows * ((depth + 1) / 2), 16); }
static inline int64_t rightSize(int64_t depth, int64_t columns) { return roundUp((depth + 1) / 2 * columns, 16); }

/** Room for the factors of one product, this thread's until it asks again. */
static inline Factor* factorSpace(int64_t words) {
  static thread_local struct Space {
    Factor* at = nullptr;
    int64_t words = 0;
    ~Space() { __builtin_free(at); }
  } space;
  if (words > space.words) {
    __builtin_free(space.at);
    space.words = words + words / 2;
    space.at = static_cast<Factor*>(__builtin_malloc(static_cast<uint64_t>(space.words) * 4));
  }
  return space.at;
}

/** Pairs of the numbers of two rows, `columns` long; `high` may be null for zeros. `to` may be `low`. */
static inline void pairRows(const float* low, const float* high, int64_t columns, Factor* to) {
  int64_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) {
    storeFactors(to + j, pairsOf(loadLanes(low + j), high ? loadLanes(high + j) : Lanes{}));
  }
  for (; j < columns; j++) to[j] = pairOf(low[j], high ? high[j] : 0.0f);
}

/** A[rows, depth], whose element (r, k) is at a[r·ra + k·ka], where ra or ka is 1, rounded and written to `to`. */
static Left leftOf(const float* a, int64_t ra, int64_t ka, int64_t rows, int64_t depth, Factor* to) {
  const int64_t pairs = (depth + 1) / 2;
  if (ka == 1) {
    for (int64_t r = 0; r < rows; r++) pairRow(a + r * ra, depth, to + r * pairs);
    return {to, pairs, 1};
  }
  for (int64_t k = 0; k < pairs; k++) {
    pairRows(a + 2 * k * ka, 2 * k + 1 < depth ? a + (2 * k + 1) * ka : nullptr, rows, to + k * rows);
  }
  return {to, 1, rows};
}

/** B[depth, columns], whose rows are `ldb` apart, rounded and written to `to`, which may be `b` where they are dense. */
static Right rightOf(const float* b, int64_t ldb, int64_t depth, int64_t columns, Factor* to) {
  for (int64_t k = 0; 2 * k < depth; k++) {
    pairRows(b + 2 * k * ldb, 2 * k + 1 < depth ? b + (2 * k + 1) * ldb : nullptr, columns, to + k * columns);
  }
  return {to, columns};
}

static void toBf16(const float* x, uint16_t* y, int64_t n) {
#pragma omp parallel for schedule(static) if (n > 65536)
  for (int64_t i = 0; i < n; i += 4096) pairRow(x + i, least(4096, n - i), reinterpret_cast<Factor*>(y + i));
}

static void roundToBf16(const float* x, float* y, int64_t n) {
#pragma omp parallel for simd schedule(static) if (n > 65536)
  for (int64_t i = 0; i < n; i++) y[i] = bitsToFloat(static_cast<int32_t>(bf16Of(x[i]) << 16));
}
