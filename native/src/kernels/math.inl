// Scalar functions without branches or calls, which the compiler turns into vector code.

static inline float bitsToFloat(int32_t i) {
  float f;
  __builtin_memcpy(&f, &i, 4);
  return f;
}
static inline int32_t floatToBits(float f) {
  int32_t i;
  __builtin_memcpy(&i, &f, 4);
  return i;
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t roundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/** Elements from which threads begin to pay. */
static const int64_t kGrain = 32768;

/** e^x within 2 units in the last place; 0 below -87.3, infinity above 88.7. */
static inline float expOf(float x) {
  const float limited = x > 88.8f ? 88.8f : (x < -87.3f ? -87.3f : x);
  const float shifted = limited * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  float r = limited - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float q = 1.394121425e-3f;
  q = q * r + 8.363235074e-3f;
  q = q * r + 4.166637413e-2f;
  q = q * r + 1.666657665e-1f;
  q = q * r + 0.5f;
  q = q * r * r + r + 1.0f;
  // Two factors, so that 2^128 need not be a float.
  const int32_t whole = floatToBits(shifted) - 0x4B400000;
  const int32_t half = whole >> 1;
  const float y = q * bitsToFloat((half + 127) << 23) * bitsToFloat((whole - half + 127) << 23);
  return x < -87.3f ? 0.0f : (x == x ? y : x);
}

/** The same for x ≤ 0, as softmax needs it; NaN stays NaN. */
static inline float expOfNegative(float x) {
  const float limited = x < -87.3f ? -87.3f : x;
  const float shifted = limited * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  float r = limited - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float q = 1.394121425e-3f;
  q = q * r + 8.363235074e-3f;
  q = q * r + 4.166637413e-2f;
  q = q * r + 1.666657665e-1f;
  q = q * r + 0.5f;
  q = q * r * r + r + 1.0f;
  const float y = q * bitsToFloat((floatToBits(shifted) - (0x4B400000 - 127)) << 23);
  return x < -87.3f ? 0.0f : y;
}

/** The error function within 2e-7 of its value. */
static inline float erfOf(float x) {
  const float t = __builtin_fabsf(x);
  const float s = t * t;
  float near = 7.889119535e-05f;
  near = near * s - 8.020841281e-04f;
  near = near * s + 5.189535339e-03f;
  near = near * s - 2.685444459e-02f;
  near = near * s + 1.128360018e-01f;
  near = near * s - 3.761262714e-01f;
  near = (near * s + 1.128379166e+00f) * x;
  const float u = t > 4.0f ? 4.0f : t;
  float q = -1.879717247e-04f;
  q = q * u + 2.964006650e-03f;
  q = q * u - 2.190647911e-02f;
  q = q * u + 1.032562100e-01f;
  q = q * u + 6.379649888e-01f;
  q = q * u + 1.127202284e+00f;
  q = q * u + 3.124680042e-04f;
  const float far = __builtin_copysignf(1.0f - expOf(-q), x);
  return x == x ? (t < 1.0f ? near : far) : x;
}

static inline float tanhOf(float x) {
  const float t = __builtin_fabsf(x);
  const float e = expOf(-2.0f * t);
  const float s = t * t;
  const float near = x * (1.0f + s * (-0.333333333f + s * (0.133333333f + s * -0.0539682540f)));
  const float far = __builtin_copysignf((1.0f - e) / (1.0f + e), x);
  return t < 0.1f ? near : (x == x ? far : x);
}

/**
 * Φ(x) within 6e-8, from e^(-x²/2): the complementary error function is that times a polynomial in 1 / (1 + 0.45·|x|/√2),
 * fitted to 1e-9 with equal ripples. Its tail keeps its relative precision.
 */
static inline float normalCdf(float x, float gauss) {
  const float s = 1.0f / (1.0f + 0.318198052f * __builtin_fabsf(x));
  float q = 9.256913807e-02f;
  q = q * s - 4.941019318e-01f;
  q = q * s + 8.571630582e-01f;
  q = q * s - 3.757978536e-01f;
  q = q * s + 4.601677347e-01f;
  q = q * s + 2.010102828e-01f;
  q = q * s + 2.589895726e-01f;
  const float tail = 0.5f * gauss * q * s;
  return x > 0.0f ? 1.0f - tail : tail;
}

static inline float gelu(float x) {
  const float y = x * normalCdf(x, expOf(-0.5f * x * x));
  return x == x && x > -1e18f ? y : (x == x ? 0.0f : x);
}

/** d/dx of x · Φ(x). */
static inline float geluSlope(float x) {
  const float gauss = expOf(-0.5f * x * x);
  return normalCdf(x, gauss) + x * 0.39894228f * gauss;
}
