// Vectors of floats, as wide as the instruction set has them.

static const int kLanes = VOCO_LANES;
typedef float Lanes __attribute__((vector_size(4 * VOCO_LANES), aligned(4), may_alias));
static inline Lanes loadLanes(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
static inline void storeLanes(float* p, Lanes v) { *reinterpret_cast<Lanes*>(p) = v; }

static inline float laneSum(Lanes v) {
  float s = 0;
  for (int l = 0; l < kLanes; l++) s += v[l];
  return s;
}
