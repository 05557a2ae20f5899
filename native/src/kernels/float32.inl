// The factors of a product as float32: they stay where they lie.

/** What is multiplied in a step along the depth, and how many numbers of it that takes. */
typedef float Factor;
typedef Lanes Factors;
static const int kDepth = 1;

/** Element (r, k) is at [r·row + k·step]. */
struct Left {
  const Factor* at;
  int64_t row, step;
};
/** Row k begins at [k·row]. */
struct Right {
  const Factor* at;
  int64_t row;
};

static inline Factors loadFactors(const Factor* p) { return loadLanes(p); }
static inline Lanes multiplyAdd(Lanes sum, Factor left, Factors right) { return sum + left * right; }

/** Room that the two functions below need. */
static inline int64_t leftSize(int64_t, int64_t) { return 0; }
static inline int64_t rightSize(int64_t, int64_t) { return 0; }
static inline Factor* factorSpace(int64_t) { return nullptr; }

static inline Left leftOf(const float* a, int64_t ra, int64_t ka, int64_t, int64_t, Factor*) { return {a, ra, ka}; }
static inline Right rightOf(const float* b, int64_t ldb, int64_t, int64_t, Factor*) { return {b, ldb}; }

constexpr void (*toBf16)(const float*, uint16_t*, int64_t) = nullptr;
constexpr void (*roundToBf16)(const float*, float*, int64_t) = nullptr;
