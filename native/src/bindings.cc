// JavaScript's side of our own kernels.
#include <omp.h>

#include <cstring>

#include "common.h"
#include "kernels.h"

namespace voco {
namespace {

/** A box from three arrays of the same length: dimensions, strides of what is read, strides of the other operand. */
Box boxOf(const Dims& d, const Dims& from, const Dims& to) {
  if (d.empty() || d.size() > kMaxRank || d.size() != from.size() || d.size() != to.size()) {
    throw std::invalid_argument("strides do not match the dimensions");
  }
  Box box{};
  box.rank = static_cast<int>(d.size());
  for (int i = 0; i < box.rank; i++) {
    box.dims[i] = d[i];
    box.from[i] = from[i];
    box.to[i] = to[i];
  }
  return box;
}

/** unary(op, x, y, n, p) */
void unary(const Napi::CallbackInfo& info) {
  const int64_t n = integer(info[3]);
  kernels().unary(static_cast<int>(integer(info[0])), floats(info[1], n), floats(info[2], n), n, number(info[4]));
}

/** binary(op, a, b, y, dims, aStrides, bStrides, p) */
void binary(const Napi::CallbackInfo& info) {
  const Dims d = dims(info[4]);
  const Box box = boxOf(d, dims(info[5]), dims(info[6]));
  int64_t a = 1, b = 1;
  for (int i = 0; i < box.rank; i++) {
    a += (box.dims[i] - 1) * box.from[i];
    b += (box.dims[i] - 1) * box.to[i];
  }
  kernels().binary(static_cast<int>(integer(info[0])), floats(info[1], a), floats(info[2], b), floats(info[3], product(d)),
                   box, number(info[7]));
}

/** reduce(op, x, y, outer, middle, inner) */
void reduce(const Napi::CallbackInfo& info) {
  const int64_t outer = integer(info[3]), middle = integer(info[4]), inner = integer(info[5]);
  kernels().reduce(static_cast<Reduction>(integer(info[0])), floats(info[1], outer * middle * inner),
                   floats(info[2], outer * inner), outer, middle, inner);
}

/** softmax(x, y, rows, n, logarithm) */
void softmax(const Napi::CallbackInfo& info) {
  const int64_t rows = integer(info[2]), n = integer(info[3]);
  kernels().softmax(floats(info[0], rows * n), floats(info[1], rows * n), rows, n, flag(info[4]));
}

/** layerNorm(x, gamma, beta, y, mean, rstd, rows, n, eps) */
void layerNorm(const Napi::CallbackInfo& info) {
  const int64_t rows = integer(info[6]), n = integer(info[7]);
  kernels().layerNorm(floats(info[0], rows * n), floats(info[1], n), floats(info[2], n), floats(info[3], rows * n),
                      floats(info[4], rows), floats(info[5], rows), rows, n, number(info[8]));
}

/** layerNormGrad(x, dy, mean, rstd, gamma, dx, dgamma, dbeta, rows, n) */
void layerNormGrad(const Napi::CallbackInfo& info) {
  const int64_t rows = integer(info[8]), n = integer(info[9]);
  kernels().layerNormGrad(floats(info[0], rows * n), floats(info[1], rows * n), floats(info[2], rows),
                          floats(info[3], rows), floats(info[4], n), floats(info[5], rows * n), floats(info[6], n),
                          floats(info[7], n), rows, n);
}

/** instanceNorm(x, y, mean, rstd, batch, voxels, channels, eps, slope) */
void instanceNorm(const Napi::CallbackInfo& info) {
  const int64_t batch = integer(info[4]), voxels = integer(info[5]), channels = integer(info[6]);
  const int64_t all = batch * voxels * channels;
  kernels().instanceNorm(floats(info[0], all), floats(info[1], all), floats(info[2], batch * channels),
                         floats(info[3], batch * channels), batch, voxels, channels, number(info[7]), number(info[8]));
}

/** instanceNormGrad(y, dy, rstd, dx, batch, voxels, channels, slope) */
void instanceNormGrad(const Napi::CallbackInfo& info) {
  const int64_t batch = integer(info[4]), voxels = integer(info[5]), channels = integer(info[6]);
  const int64_t all = batch * voxels * channels;
  kernels().instanceNormGrad(floats(info[0], all), floats(info[1], all), floats(info[2], batch * channels),
                             floats(info[3], all), batch, voxels, channels, number(info[7]));
}

/** [batch, voxels, channels, groups], eps and slope. */
GroupNorm groupNormOf(const Dims& v, float eps, float slope) {
  if (v.size() != 4 || v[3] < 1 || v[2] % v[3] != 0) throw std::invalid_argument("the groups do not divide the channels");
  return {v[0], v[1], v[2], v[3], eps, slope};
}

/** gamma, beta, residual and visible, each of which may be null. */
Beside besideOf(const Napi::CallbackInfo& info, size_t first, const GroupNorm& s) {
  return {floats(info[first], s.channels), floats(info[first + 1], s.channels),
          floats(info[first + 2], s.batch * s.voxels * s.channels), floats(info[first + 3], s.batch * s.voxels)};
}

/** groupNorm(shape, eps, slope, gamma, beta, residual, visible, x, y, mean, rstd) */
void groupNorm(const Napi::CallbackInfo& info) {
  const GroupNorm s = groupNormOf(dims(info[0]), number(info[1]), number(info[2]));
  const int64_t all = s.batch * s.voxels * s.channels, moments = s.batch * s.groups;
  kernels().groupNorm(s, besideOf(info, 3, s), floats(info[7], all), floats(info[8], all), floats(info[9], moments),
                      floats(info[10], moments));
}

/** groupNormGrad(shape, slope, gamma, beta, residual, visible, x, dy, mean, rstd, dx, dgamma, dbeta, dresidual) */
void groupNormGrad(const Napi::CallbackInfo& info) {
  const GroupNorm s = groupNormOf(dims(info[0]), 0.0f, number(info[1]));
  const int64_t all = s.batch * s.voxels * s.channels, moments = s.batch * s.groups;
  const Beside beside = besideOf(info, 2, s);
  float* dresidual = floats(info[13], all);
  if ((beside.residual == nullptr) != (dresidual == nullptr)) throw std::invalid_argument("a residual has a gradient");
  kernels().groupNormGrad(s, beside, floats(info[6], all), floats(info[7], all), floats(info[8], moments),
                          floats(info[9], moments), floats(info[10], all), floats(info[11], s.channels),
                          floats(info[12], s.channels), dresidual);
}

/** [batch, D', H', W', channels, window ×3]: the blocks along each axis. */
Pool poolOf(const Dims& v) {
  if (v.size() != 8) throw std::invalid_argument("a pool's shape has 8 numbers");
  return {v[0], {v[1], v[2], v[3]}, v[4], {v[5], v[6], v[7]}};
}

int64_t pooled(const Pool& s) { return s.batch * s.out[0] * s.out[1] * s.out[2] * s.channels; }

/** averagePool(shape, x, y) */
void averagePool(const Napi::CallbackInfo& info) {
  const Pool s = poolOf(dims(info[0]));
  kernels().averagePool(s, floats(info[1], pooled(s) * s.window[0] * s.window[1] * s.window[2]), floats(info[2], pooled(s)));
}

/** averagePoolGrad(shape, dy, dx) */
void averagePoolGrad(const Napi::CallbackInfo& info) {
  const Pool s = poolOf(dims(info[0]));
  kernels().averagePoolGrad(s, floats(info[1], pooled(s)),
                            floats(info[2], pooled(s) * s.window[0] * s.window[1] * s.window[2]));
}

/** channelNorm(x, mean, variance, gamma, beta, y, voxels, channels, eps, slope) */
void channelNorm(const Napi::CallbackInfo& info) {
  const int64_t voxels = integer(info[6]), channels = integer(info[7]);
  kernels().channelNorm(floats(info[0], voxels * channels), floats(info[1], channels), floats(info[2], channels),
                        floats(info[3], channels), floats(info[4], channels), floats(info[5], voxels * channels), voxels,
                        channels, number(info[8]), number(info[9]));
}

/** upsample(x, y, [batch, D, H, W, channels] of x) */
void upsample(const Napi::CallbackInfo& info) {
  const Dims d = dims(info[2]);
  if (d.size() != 5) throw std::invalid_argument("a volume has five dimensions");
  const int64_t n = product(d);
  kernels().upsample(floats(info[0], n), floats(info[1], 8 * n), d[0], d[1], d[2], d[3], d[4]);
}

/** upsampleGrad(dy, dx, [batch, D, H, W, channels] of dx) */
void upsampleGrad(const Napi::CallbackInfo& info) {
  const Dims d = dims(info[2]);
  if (d.size() != 5) throw std::invalid_argument("a volume has five dimensions");
  const int64_t n = product(d);
  kernels().upsampleGrad(floats(info[0], 8 * n), floats(info[1], n), d[0], d[1], d[2], d[3], d[4]);
}

/** addLeakyReluGrad(a, b, dy, dx, n, slope) */
void addLeakyReluGrad(const Napi::CallbackInfo& info) {
  const int64_t n = integer(info[4]);
  kernels().addLeakyReluGrad(floats(info[0], n), floats(info[1], n), floats(info[2], n), floats(info[3], n), n,
                             number(info[5]));
}

/** [batch, D, H, W, channels, heads, tableWindow ×3, window ×3, shift ×3] and the scale. */
Attention attentionOf(const Dims& v, float scale) {
  if (v.size() != 15) throw std::invalid_argument("window attention's shape has 15 numbers");
  Attention a{v[0], {v[1], v[2], v[3]}, v[4], v[5], {v[6], v[7], v[8]}, {v[9], v[10], v[11]}, {v[12], v[13], v[14]}, scale};
  if (a.heads < 1 || a.channels % a.heads != 0) throw std::invalid_argument("the heads do not divide the channels");
  for (int d = 0; d < 3; d++) {
    if (a.window[d] < 1 || a.shift[d] < 0 || a.shift[d] >= a.window[d]) throw std::invalid_argument("bad window or shift");
  }
  if (a.window[0] * a.window[1] * a.window[2] > a.tableWindow[0] * a.tableWindow[1] * a.tableWindow[2]) {
    throw std::invalid_argument("the window is larger than its table");
  }
  return a;
}

int64_t voxels(const Attention& a) { return a.batch * a.size[0] * a.size[1] * a.size[2]; }
int64_t tableSize(const Attention& a) {
  return (2 * a.tableWindow[0] - 1) * (2 * a.tableWindow[1] - 1) * (2 * a.tableWindow[2] - 1) * a.heads;
}

/** attention(shape, scale, qkv, padToken, biasTable, y, precision) */
void attention(const Napi::CallbackInfo& info) {
  const Attention a = attentionOf(dims(info[0]), number(info[1]));
  products(precisionOf(info[6])).attention(a, floats(info[2], voxels(a) * 3 * a.channels), floats(info[3], 3 * a.channels),
                      floats(info[4], tableSize(a)), floats(info[5], voxels(a) * a.channels));
}

/** attentionGrad(shape, scale, qkv, padToken, biasTable, dy, dqkv, dpadToken, dbiasTable, precision) */
void attentionGrad(const Napi::CallbackInfo& info) {
  const Attention a = attentionOf(dims(info[0]), number(info[1]));
  products(precisionOf(info[9])).attentionGrad(a, floats(info[2], voxels(a) * 3 * a.channels), floats(info[3], 3 * a.channels),
                          floats(info[4], tableSize(a)), floats(info[5], voxels(a) * a.channels),
                          floats(info[6], voxels(a) * 3 * a.channels), floats(info[7], 3 * a.channels),
                          floats(info[8], tableSize(a)));
}

/** [batch, tokens, channels, heads, rotaries] and the scale. */
TokenAttention tokenAttentionOf(const Dims& v, float scale) {
  if (v.size() != 5) throw std::invalid_argument("token attention's shape has 5 numbers");
  const TokenAttention a{v[0], v[1], v[2], v[3], v[4], scale};
  if (a.tokens < 1 || a.heads < 1 || a.channels % (2 * a.heads) != 0) {
    throw std::invalid_argument("the heads do not divide pairs of channels");
  }
  if (a.rotaries != 1 && a.rotaries != a.batch) throw std::invalid_argument("as many rotary tables as crops, or one");
  return a;
}

int64_t elements(const TokenAttention& a) { return a.batch * a.tokens * a.channels; }
int64_t rotarySize(const TokenAttention& a) { return a.rotaries * a.tokens * (a.channels / a.heads); }

/** tokenAttention(shape, scale, q, k, v, rotary, y, precision) */
void tokenAttention(const Napi::CallbackInfo& info) {
  const TokenAttention a = tokenAttentionOf(dims(info[0]), number(info[1]));
  const int64_t n = elements(a);
  products(precisionOf(info[7])).tokenAttention(a, floats(info[2], n), floats(info[3], n), floats(info[4], n),
                                                floats(info[5], rotarySize(a)), floats(info[6], n));
}

/** tokenAttentionGrad(shape, scale, q, k, v, rotary, dy, dq, dk, dv, precision) */
void tokenAttentionGrad(const Napi::CallbackInfo& info) {
  const TokenAttention a = tokenAttentionOf(dims(info[0]), number(info[1]));
  const int64_t n = elements(a);
  products(precisionOf(info[10])).tokenAttentionGrad(
      a, floats(info[2], n), floats(info[3], n), floats(info[4], n), floats(info[5], rotarySize(a)), floats(info[6], n),
      floats(info[7], n), floats(info[8], n), floats(info[9], n));
}

/** adamw([keep, step, root, beta1, rest1, beta2, rest2, eps], param, grad, m, v, vmax | null, n) */
void adamw(const Napi::CallbackInfo& info) {
  const auto s = info[0].As<Napi::Array>();
  const auto at = [&s](uint32_t i) { return s.Get(i).As<Napi::Number>().FloatValue(); };
  const int64_t n = integer(info[6]);
  kernels().adamw({at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)}, floats(info[1], n), floats(info[2], n),
                  floats(info[3], n), floats(info[4], n), floats(info[5], n), n);
}

/** lerp(y, x, n, weight) */
void lerp(const Napi::CallbackInfo& info) {
  const int64_t n = integer(info[2]);
  kernels().lerp(floats(info[0], n), floats(info[1], n), n, number(info[3]));
}

template <class T>
void copyLine(const T* from, T* to, int64_t n, int64_t sf, int64_t st) {
  if (sf == 1 && st == 1) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; i++) to[i * st] = from[i * sf];
  }
}

/** Copies a plane in squares, so that a transposition misses the cache once a line and not once an element. */
template <class T>
void copyPlane(const T* from, T* to, const int64_t n[2], const int64_t sf[2], const int64_t st[2]) {
  if (sf[1] == 1 && st[1] == 1) {
    for (int64_t i = 0; i < n[0]; i++) copyLine(from + i * sf[0], to + i * st[0], n[1], 1, 1);
    return;
  }
  constexpr int64_t side = 16;
  for (int64_t i = 0; i < n[0]; i += side) {
    for (int64_t j = 0; j < n[1]; j += side) {
      for (int64_t r = i; r < std::min(n[0], i + side); r++) {
        copyLine(from + r * sf[0] + j * sf[1], to + r * st[0] + j * st[1], std::min(side, n[1] - j), sf[1], st[1]);
      }
    }
  }
}

template <class T>
void copyBox(const T* from, T* to, const Box& box) {
  if (box.rank == 1) {
    copyLine(from, to, box.dims[0], box.from[0], box.to[0]);
    return;
  }
  const int planes = box.rank - 2;
  int64_t count = 1;
  for (int d = 0; d < planes; d++) count *= box.dims[d];
  // With few planes, rows of the planes are shared out as well.
  const int64_t rows = box.dims[planes], cut = count >= 64 ? 1 : std::min<int64_t>(rows, 64), step = (rows + cut - 1) / cut;
#pragma omp parallel for schedule(static) if (count * rows * box.dims[planes + 1] > 32768)
  for (int64_t k = 0; k < count * cut; k++) {
    const int64_t begin = k % cut * step, end = std::min(rows, begin + step);
    if (begin >= end) continue;
    int64_t rest = k / cut, f = begin * box.from[planes], t = begin * box.to[planes];
    for (int d = planes - 1; d >= 0; d--) {
      const int64_t at = rest % box.dims[d];
      rest /= box.dims[d];
      f += at * box.from[d];
      t += at * box.to[d];
    }
    const int64_t n[2] = {end - begin, box.dims[planes + 1]};
    copyPlane(from + f, to + t, n, box.from + planes, box.to + planes);
  }
}

/** The whole range of a box in an array must be inside it. */
void checkRange(const Box& box, const int64_t* strides, int64_t offset, size_t length) {
  int64_t low = offset, high = offset;
  for (int d = 0; d < box.rank; d++) {
    const int64_t reach = (box.dims[d] - 1) * strides[d];
    (reach < 0 ? low : high) += reach;
  }
  if (low < 0 || high >= static_cast<int64_t>(length)) throw std::invalid_argument("a copy reaches outside its array");
}

/** copy(from, fromOffset, to, toOffset, dims, fromStrides, toStrides): strided copy of 4-byte or 1-byte elements. */
void copy(const Napi::CallbackInfo& info) {
  const auto from = info[0].As<Napi::TypedArray>(), to = info[2].As<Napi::TypedArray>();
  const int64_t fromOffset = integer(info[1]), toOffset = integer(info[3]);
  const Dims d = dims(info[4]);
  if (product(d) == 0) return;
  const Box box = boxOf(d, dims(info[5]), dims(info[6]));
  checkRange(box, box.from, fromOffset, from.ElementLength());
  checkRange(box, box.to, toOffset, to.ElementLength());
  const auto* source = static_cast<const char*>(from.ArrayBuffer().Data()) + from.ByteOffset();
  auto* target = static_cast<char*>(to.ArrayBuffer().Data()) + to.ByteOffset();
  if (from.ElementSize() != to.ElementSize()) throw std::invalid_argument("element sizes differ");
  if (from.ElementSize() == 4) {
    copyBox(reinterpret_cast<const int32_t*>(source) + fromOffset, reinterpret_cast<int32_t*>(target) + toOffset, box);
  } else if (from.ElementSize() == 1) {
    copyBox(source + fromOffset, target + toOffset, box);
  } else {
    throw std::invalid_argument("elements of 1 or 4 bytes only");
  }
}

/** fill(y, n, value) */
void fill(const Napi::CallbackInfo& info) {
  const int64_t n = integer(info[1]);
  float* y = floats(info[0], n);
  const float value = number(info[2]);
#pragma omp parallel for simd schedule(static) if (n > 65536)
  for (int64_t i = 0; i < n; i++) y[i] = value;
}

Napi::Array names(Napi::Env env, std::initializer_list<const char*> list) {
  auto out = Napi::Array::New(env);
  for (const char* name : list) out[out.Length()] = name;
  return out;
}

template <void (*F)(const Napi::CallbackInfo&)>
void add(Napi::Object& exports, const char* name) {
  exports[name] = Napi::Function::New<guarded<F>>(exports.Env(), name);
}

}  // namespace

void exportKernels(Napi::Env env, Napi::Object exports) {
#define VOCO_NAME(NAME, EXPRESSION) #NAME,
  exports["unaryOps"] = names(env, {VOCO_UNARY(VOCO_NAME)});
  exports["binaryOps"] = names(env, {VOCO_BINARY(VOCO_NAME)});
#undef VOCO_NAME
  add<unary>(exports, "unary");
  add<binary>(exports, "binary");
  add<reduce>(exports, "reduce");
  add<softmax>(exports, "softmax");
  add<layerNorm>(exports, "layerNorm");
  add<layerNormGrad>(exports, "layerNormGrad");
  add<instanceNorm>(exports, "instanceNorm");
  add<instanceNormGrad>(exports, "instanceNormGrad");
  add<groupNorm>(exports, "groupNorm");
  add<groupNormGrad>(exports, "groupNormGrad");
  add<averagePool>(exports, "averagePool");
  add<averagePoolGrad>(exports, "averagePoolGrad");
  add<channelNorm>(exports, "channelNorm");
  add<upsample>(exports, "upsample");
  add<upsampleGrad>(exports, "upsampleGrad");
  add<addLeakyReluGrad>(exports, "addLeakyReluGrad");
  add<attention>(exports, "attention");
  add<attentionGrad>(exports, "attentionGrad");
  add<tokenAttention>(exports, "tokenAttention");
  add<tokenAttentionGrad>(exports, "tokenAttentionGrad");
  add<adamw>(exports, "adamw");
  add<lerp>(exports, "lerp");
  add<copy>(exports, "copy");
  add<fill>(exports, "fill");
}

}  // namespace voco
