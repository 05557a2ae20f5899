// Our own kernels, compiled once for each instruction set and chosen when the addon is loaded.
#pragma once
#include <cstdint>

namespace voco {

constexpr int kMaxRank = 10;

/** Elementwise functions of x (and the parameter p). The names are tfjs's where it has them. */
#define VOCO_UNARY(X)                                  \
  X(Abs, __builtin_fabsf(x))                           \
  X(Neg, -x)                                           \
  X(Square, x* x)                                      \
  X(Sqrt, __builtin_sqrtf(x))                          \
  X(Rsqrt, 1.0f / __builtin_sqrtf(x))                  \
  X(Reciprocal, 1.0f / x)                              \
  X(Exp, expOf(x))                                     \
  X(Log, __builtin_logf(x))                            \
  X(Log1p, __builtin_log1pf(x))                        \
  X(Erf, erfOf(x))                                     \
  X(Gelu, gelu(x))                                     \
  X(Sigmoid, 1.0f / (1.0f + expOf(-x)))                \
  X(Tanh, tanhOf(x))                                   \
  X(Relu, x < 0.0f ? 0.0f : x)                         \
  X(LeakyRelu, x < 0.0f ? p * x : x)                   \
  X(Step, x > 0.0f ? 1.0f : (x <= 0.0f ? p : x))       \
  X(AddScalar, x + p)                                  \
  X(MulScalar, x* p)

/** Elementwise functions of a and b with broadcasting (and the parameter p). */
#define VOCO_BINARY(X)                                          \
  X(Add, a + b)                                                 \
  X(Sub, a - b)                                                 \
  X(Multiply, a* b)                                             \
  X(RealDiv, a / b)                                             \
  X(Maximum, (a > b || a != a) ? a : b)                         \
  X(Minimum, (a < b || a != a) ? a : b)                         \
  X(SquaredDifference, (a - b) * (a - b))                       \
  X(AddLeakyRelu, (a + b) < 0.0f ? p * (a + b) : (a + b))       \
  X(GeluGrad, b * geluSlope(a))

enum Reduction { kSum, kMean, kMax, kMin, kSumOfSquares };

struct Box {
  int rank;
  int64_t dims[kMaxRank], from[kMaxRank], to[kMaxRank];
};

struct Attention {
  int64_t batch, size[3], channels, heads;
  int64_t tableWindow[3], window[3], shift[3];
  float scale;
};

/** All tokens of a crop attend to all. `rotaries`: tables of angles, one for each crop or one for all. */
struct TokenAttention {
  int64_t batch, tokens, channels, heads, rotaries;
  float scale;
};

/** Settings of a step, worked out in double precision by the caller. */
struct AdamW {
  /** 1 - lr · weightDecay; lr / (1 - beta1^step); 1 / sqrt(1 - beta2^step). */
  float keep, step, root;
  /** beta and 1 - beta of the two moments. */
  float beta1, rest1, beta2, rest2;
  float eps;
};

/** A 3×3×3 convolution of stride 1; `pad` is what is added before each axis. */
struct Winograd {
  int64_t batch, in[3], out[3], pad[3], inChannels, outChannels;
};

/** Any convolution; `pad` is what is added before each axis. */
struct Convolution {
  int64_t batch, in[3], out[3], kernel[3], stride[3], pad[3], inChannels, outChannels;
};

/** A normalisation of x[batch, voxels, channels] over space and the channels of a group. */
struct GroupNorm {
  int64_t batch, voxels, channels, groups;
  float eps, slope;
};

/** What goes into a group norm beside x; each may be null: gamma and beta [channels], residual as x, visible [batch, voxels]. */
struct Beside {
  const float *gamma, *beta, *residual, *visible;
};

/** Means of blocks of `window` voxels, `out` of them along each axis. */
struct Pool {
  int64_t batch, out[3], channels, window[3];
};

/** What the operands of convolutions, dense layers and attention are rounded to. Sums are always float32. */
enum Precision {
  kFloat32,
  /** bfloat16 on a processor that multiplies them: see `bf16()`. */
  kBf16,
  /** For tests, on any processor with AVX2: operands are rounded, products are float32; as AVX512-BF16 would be used. */
  kEmulatedBf16,
  /** The same, as AMX-BF16 would be used. */
  kEmulatedAmx,
  kPrecisions,
};

/** The kernels that multiply matrices, once for each way to do that. */
struct Products {
  void (*attention)(const Attention& a, const float* qkv, const float* pad, const float* table, float* y);
  void (*attentionGrad)(const Attention& a, const float* qkv, const float* pad, const float* table, const float* dy,
                        float* dqkv, float* dpad, float* dtable);
  void (*tokenAttention)(const TokenAttention& a, const float* q, const float* k, const float* v, const float* rotary,
                         float* y);
  void (*tokenAttentionGrad)(const TokenAttention& a, const float* q, const float* k, const float* v, const float* rotary,
                             const float* dy, float* dq, float* dk, float* dv);
  /** Floats in a vector: the channels that `winograd` takes are multiples of it. */
  int64_t lanes;
  /** Floats of working memory for the two below. */
  int64_t (*winogradFloats)(const Winograd& c, bool weights, int64_t threads);
  /** `flipped`: the filter is [3,3,3,out,in] and is turned round, which makes the call a data gradient. */
  void (*winograd)(const Winograd& c, const float* x, const float* filter, bool flipped, const float* bias, float* y,
                   float* work);
  void (*winogradWeights)(const Winograd& c, const float* x, const float* dy, float* dfilter, float* work);
  /** Floats of working memory for the four below; `few` for the last. The channels out are whole vectors. */
  int64_t (*gemmConvFloats)(const Convolution& c, bool few, int64_t threads);
  void (*smallForward)(const Convolution& c, const float* x, const float* filter, const float* bias, float* y, float* work);
  void (*smallBackwardData)(const Convolution& c, const float* dy, const float* filter, float* dx, float* work);
  void (*smallWeights)(const Convolution& c, const float* x, const float* dy, float* dfilter, float* work);
  void (*fewChannelWeights)(const Convolution& c, const float* x, const float* dy, float* dfilter, float* work);
  /** Rounds to bfloat16, to nearest even: as such, and kept as floats. Null in the tables for float32. */
  void (*toBf16)(const float* x, uint16_t* y, int64_t n);
  void (*roundToBf16)(const float* x, float* y, int64_t n);
};

struct Kernels {
  const char* isa;
  void (*unary)(int op, const float* x, float* y, int64_t n, float p);
  /** box.from and box.to are the strides of a and b; y is dense. */
  void (*binary)(int op, const float* a, const float* b, float* y, const Box& box, float p);
  /** x[outer, middle, inner] → y[outer, inner]. */
  void (*reduce)(Reduction op, const float* x, float* y, int64_t outer, int64_t middle, int64_t inner);
  void (*softmax)(const float* x, float* y, int64_t rows, int64_t n, bool logarithm);
  void (*layerNorm)(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd,
                    int64_t rows, int64_t n, float eps);
  void (*layerNormGrad)(const float* x, const float* dy, const float* mean, const float* rstd, const float* gamma,
                        float* dx, float* dgamma, float* dbeta, int64_t rows, int64_t n);
  void (*instanceNorm)(const float* x, float* y, float* mean, float* rstd, int64_t batch, int64_t voxels,
                       int64_t channels, float eps, float slope);
  /** From the output y, whose activation is undone. */
  void (*instanceNormGrad)(const float* y, const float* dy, const float* rstd, float* dx, int64_t batch, int64_t voxels,
                           int64_t channels, float slope);
  /** leakyRelu(gamma · normal + beta + residual); mean and rstd are [batch, groups]. Hidden voxels have no part and become 0. */
  void (*groupNorm)(const GroupNorm& s, const Beside& b, const float* x, float* y, float* mean, float* rstd);
  /** dresidual is written where there is a residual. */
  void (*groupNormGrad)(const GroupNorm& s, const Beside& b, const float* x, const float* dy, const float* mean,
                        const float* rstd, float* dx, float* dgamma, float* dbeta, float* dresidual);
  void (*averagePool)(const Pool& s, const float* x, float* y);
  void (*averagePoolGrad)(const Pool& s, const float* dy, float* dx);
  void (*channelNorm)(const float* x, const float* mean, const float* variance, const float* gamma, const float* beta,
                      float* y, int64_t voxels, int64_t channels, float eps, float slope);
  /** Trilinear interpolation to twice the size; d, h and w are those of x, and of dx. */
  void (*upsample)(const float* x, float* y, int64_t batch, int64_t d, int64_t h, int64_t w, int64_t channels);
  void (*upsampleGrad)(const float* dy, float* dx, int64_t batch, int64_t d, int64_t h, int64_t w, int64_t channels);
  /** The gradient of a and of b of leaky ReLU of a + b. */
  void (*addLeakyReluGrad)(const float* a, const float* b, const float* dy, float* dx, int64_t n, float slope);
  void (*adamw)(const AdamW& s, float* param, const float* grad, float* m, float* v, float* vmax, int64_t n);
  /** y += (x - y) * weight. */
  void (*lerp)(float* y, const float* x, int64_t n, float weight);
};

/** The kernels for this processor. */
const Kernels& kernels();

/** The kernels that multiply, for a precision. Throws std::invalid_argument where the processor lacks it. */
const Products& products(Precision precision);

namespace base {
extern const Kernels table;
extern const Products products;
}
namespace avx2 {
extern const Kernels table;
extern const Products products;
}
namespace avx512 {
extern const Kernels table;
extern const Products products;
}
namespace avx512bf16 {
/** Null where the compiler cannot make it. */
extern const Products* const products;
}
namespace emulated {
extern const Products products;
}

}  // namespace voco
