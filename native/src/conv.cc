// 3D convolution and its two gradients on oneDNN. Activations are read and written channels last, where they are; the filter
// arrives as [kd,kh,kw,in,out] and is reordered into the layout that oneDNN asks for.
#include <omp.h>

#include <optional>

#include "cpu.h"
#include "rounded.h"

namespace voco {
namespace {

using dnnl::memory;
using tag = dnnl::memory::format_tag;
using dt = dnnl::memory::data_type;

enum Kind { kForward, kBackwardData, kBackwardWeights };

/** Shape of a call: [N,D,H,W,I, D',H',W',O, kd,kh,kw, sd,sh,sw, front,top,left, back,bottom,right]. */
struct Shape {
  explicit Shape(const Dims& v) {
    x = {v[0], v[4], v[1], v[2], v[3]};
    y = {v[0], v[8], v[5], v[6], v[7]};
    filter = {v[8], v[4], v[9], v[10], v[11]};
    strides = {v[12], v[13], v[14]};
    before = {v[15], v[16], v[17]};
    after = {v[18], v[19], v[20]};
  }
  memory::dims x, y, filter, strides, before, after;
};

/** A tensor as it is given and as oneDNN wants it. */
struct Operand {
  memory::desc given, wanted;
  dnnl::reorder reorder;
  bool differs() const { return wanted != given; }
  int64_t floats() const { return differs() ? floatsOf(wanted) : 0; }
};

struct Conv {
  dnnl::primitive run;
  Operand x, filter, y;
  memory::desc scratchpad;
  /** What oneDNN multiplies. */
  dt factor;
  /** Whether it does so with AMX's tiles. */
  bool tiles;
};

/** oneDNN's choice for a kind of call, with activations channels last or in whatever layout it likes. */
struct Choice {
  dnnl::primitive run;
  memory::desc x, filter, y, scratchpad;
  std::string implementation;
  /** Neither the reference nor the fallback by matrix products, which is slow at weight gradients. */
  bool good() const {
    return implementation.find("ref") == std::string::npos && implementation.find("gemm") == std::string::npos;
  }
};

/** The operand that a kind of call writes, of x, filter and y. */
constexpr int kWritten[3] = {2, 0, 1};

Choice choose(Kind kind, const Shape& s, bool bias, tag layout, dt factor) {
  const auto type = [kind, factor](int operand) { return kWritten[kind] == operand ? dt::f32 : factor; };
  const memory::desc x(s.x, type(0), layout), w(s.filter, type(1), tag::any), y(s.y, type(2), layout), b({s.y[1]}, dt::f32, tag::x);
  // The forward call that a gradient belongs to reads factors.
  const memory::desc fx(s.x, factor, layout), fw(s.filter, factor, tag::any);
  const auto algorithm = dnnl::algorithm::convolution_auto;
  const auto training = dnnl::prop_kind::forward_training;
  const auto attr = userScratchpad();
  using Forward = dnnl::convolution_forward;
  const Forward::primitive_desc forward =
      bias && kind != kBackwardData
          ? implementation<Forward>(attr, training, algorithm, fx, fw, b, y, s.strides, s.before, s.after)
          : implementation<Forward>(attr, training, algorithm, fx, fw, y, s.strides, s.before, s.after);
  if (kind == kForward) {
    return {Forward(forward),           forward.src_desc(),        forward.weights_desc(), forward.dst_desc(),
            forward.scratchpad_desc(), forward.impl_info_str()};
  }
  if (kind == kBackwardData) {
    using Backward = dnnl::convolution_backward_data;
    const auto pd = gradientOf<Backward>(forward, attr, algorithm, x, w, y, s.strides, s.before, s.after);
    return {Backward(pd), pd.diff_src_desc(), pd.weights_desc(), pd.diff_dst_desc(), pd.scratchpad_desc(), pd.impl_info_str()};
  }
  using Backward = dnnl::convolution_backward_weights;
  const auto pd = bias ? gradientOf<Backward>(forward, attr, algorithm, x, w, b, y, s.strides, s.before, s.after)
                       : gradientOf<Backward>(forward, attr, algorithm, x, w, y, s.strides, s.before, s.after);
  return {Backward(pd),         pd.src_desc(), pd.diff_weights_desc(), pd.diff_dst_desc(), pd.scratchpad_desc(),
          pd.impl_info_str()};
}

Operand operand(const memory::desc& given, const memory::desc& wanted, bool written) {
  Operand o{given, wanted, {}};
  if (!o.differs()) return o;
  o.reorder = written ? dnnl::reorder({engine(), wanted, engine(), given}) : dnnl::reorder({engine(), given, engine(), wanted});
  return o;
}

/** The better of both layouts, if oneDNN has an implementation at all. */
std::optional<Choice> bestChoice(Kind kind, const Shape& s, bool bias, dt factor) {
  std::optional<Choice> best;
  for (const tag layout : {tag::ndhwc, tag::any}) {
    try {
      Choice choice = choose(kind, s, bias, layout, factor);
      if (choice.good() || !best) best = choice;
    } catch (const dnnl::error& e) {
      if (e.status != dnnl_unimplemented) throw;
    }
    if (best && best->good()) break;
  }
  return best;
}

Conv make(Kind kind, const Shape& s, bool bias, dt factor) {
  const std::optional<Choice> choice = bestChoice(kind, s, bias, factor);
  // In bfloat16 only what is fast: all else is as good in float32.
  if (factor == dt::bf16 && (!choice || !choice->good())) return make(kind, s, bias, dt::f32);
  if (!choice) throw std::invalid_argument("oneDNN has no such convolution");
  const auto given = [kind, factor](int i, const memory::dims& size, tag layout) {
    return memory::desc(size, kWritten[kind] == i ? dt::f32 : factor, layout);
  };
  return {choice->run,
          operand(given(0, s.x, tag::ndhwc), choice->x, kind == kBackwardData),
          operand(given(1, s.filter, tag::dhwio), choice->filter, kind == kBackwardWeights),
          operand(given(2, s.y, tag::ndhwc), choice->y, kind == kForward),
          choice->scratchpad,
          factor,
          choice->implementation.find("amx") != std::string::npos};
}

Conv& cached(Kind kind, const Dims& shape, bool bias, Precision precision) {
  static Cache<Conv> cache;
  Dims key = shape;
  key.push_back(kind);
  key.push_back(omp_get_max_threads());
  key.push_back(bias);
  key.push_back(precision == kBf16);
  return cache.get(key, [&] { return make(kind, Shape(shape), bias, factorType(precision)); });
}

/** The operand's memory as oneDNN wants it; `next` is where its copy goes. */
memory prepare(Operand& o, void* data, float*& next, bool written) {
  memory given(o.given, engine(), data);
  if (!o.differs()) return given;
  memory wanted(o.wanted, engine(), next);
  next += o.floats();
  if (!written) o.reorder.execute(stream(), given, wanted);
  return wanted;
}

/** The numbers of `Shape` as our own kernels take them. */
Convolution convolutionOf(const Dims& s) {
  return {s[0],    {s[1], s[2], s[3]},    {s[5], s[6], s[7]}, {s[9], s[10], s[11]}, {s[12], s[13], s[14]}, {s[15], s[16], s[17]},
          s[4],    s[8]};
}

/** Whether minimal filtering takes the call: enough tiles of 2³ outputs to be worth transforming the filter. */
bool minimalFiltering(Kind kind, const Convolution& s, int64_t lanes, Winograd& c) {
  c = {s.batch, {}, {}, {}, s.inChannels, s.outChannels};
  int64_t tiles = s.batch;
  for (int d = 0; d < 3; d++) {
    // The data gradient is the convolution of dy with the filter turned round.
    c.in[d] = kind == kBackwardData ? s.out[d] : s.in[d];
    c.out[d] = kind == kBackwardData ? s.in[d] : s.out[d];
    c.pad[d] = kind == kBackwardData ? 2 - s.pad[d] : s.pad[d];
    if (s.kernel[d] != 3 || s.stride[d] != 1 || c.pad[d] < 0 || c.pad[d] > 2) return false;
    tiles *= (c.out[d] + 1) / 2;
  }
  if (kind == kBackwardData) std::swap(c.inChannels, c.outChannels);
  return tiles >= 48 && c.inChannels % lanes == 0 && c.outChannels % lanes == 0;
}

/** What a call is computed with: our own kernels where they are faster, else oneDNN; `direct` rules minimal filtering out. */
bool runOwn(Kind kind, const Convolution& s, Precision precision, bool direct, float* x, float* filter, float* bias, float* y) {
  const Products& k = products(precision);
  const int64_t threads = omp_get_max_threads(), voxels = s.batch * s.out[0] * s.out[1] * s.out[2];
  const int64_t patch = s.kernel[0] * s.kernel[1] * s.kernel[2] * s.inChannels;
  const bool wholeOut = s.outChannels % k.lanes == 0;
  Winograd c;
  if (!direct && minimalFiltering(kind, s, k.lanes, c)) {
    float* work = scratch(k.winogradFloats(c, kind == kBackwardWeights, threads));
    if (kind == kForward) k.winograd(c, x, filter, false, bias, y, work);
    if (kind == kBackwardData) k.winograd(c, y, filter, true, nullptr, x, work);
    if (kind == kBackwardWeights) k.winogradWeights(c, x, y, filter, work);
  } else if (voxels <= (kind == kBackwardWeights ? 128 : 16) && patch * s.outChannels >= (1 << 20) && wholeOut && patch % 2 == 0) {
    float* work = scratch(k.gemmConvFloats(s, false, threads));
    if (kind == kForward) k.smallForward(s, x, filter, bias, y, work);
    if (kind == kBackwardData) k.smallBackwardData(s, y, filter, x, work);
    if (kind == kBackwardWeights) k.smallWeights(s, x, y, filter, work);
  } else if (kind == kBackwardWeights && s.inChannels <= 4 && patch <= 256 && wholeOut) {
    k.fewChannelWeights(s, x, y, filter, scratch(k.gemmConvFloats(s, true, threads)));
  } else {
    return false;
  }
  if (kind == kBackwardWeights && bias) kernels().reduce(kSum, y, bias, 1, voxels, s.outChannels);
  return true;
}

/**
 * Whether oneDNN computes a call with AMX's tiles, which multiply so much faster that minimal filtering, which must transform
 * on the vector units, does not pay.
 */
bool onTiles(Kind kind, const Dims& shape, bool bias, Precision precision) {
  return precision == kEmulatedAmx || (precision == kBf16 && bf16().amx && cached(kind, shape, bias, precision).tiles);
}

/** conv(kind, shape, x, filter, bias | null, y, precision): reads and writes the three as `kind` says. */
void conv(const Napi::CallbackInfo& info) {
  const Kind kind = static_cast<Kind>(integer(info[0]));
  const Dims shape = dims(info[1]);
  float* bias = floats(info[4]);
  if (shape.size() != 21) throw std::invalid_argument("a convolution's shape has 21 numbers");
  const double voxels = static_cast<double>(shape[0] * shape[5] * shape[6] * shape[7]);
  const FewThreads threads(voxels * shape[4] * shape[8] * shape[9] * shape[10] * shape[11]);
  const Precision precision = precisionOf(info[6]);
  const Convolution own = convolutionOf(shape);
  const int64_t sizes[3] = {shape[0] * shape[1] * shape[2] * shape[3] * shape[4],
                            shape[9] * shape[10] * shape[11] * shape[4] * shape[8],
                            shape[0] * shape[5] * shape[6] * shape[7] * shape[8]};
  float* data[3] = {floats(info[2], sizes[0]), floats(info[3], sizes[1]), floats(info[5], sizes[2])};
  // A sum over voxels is not of rounded numbers.
  float* summed = kind == kBackwardWeights && precision != kFloat32 ? bias : nullptr;
  const bool biased = bias && !summed;
  if (runOwn(kind, own, precision, onTiles(kind, shape, biased, precision), data[0], data[1], bias, data[2])) return;
  Conv& c = cached(kind, shape, biased, precision);
  Operand* operands[3] = {&c.x, &c.filter, &c.y};
  int64_t room = floatsOf(c.scratchpad);
  for (int i = 0; i < 3; i++) {
    room += operands[i]->floats() + (i == kWritten[kind] ? 0 : roundedFloats(sizes[i], c.factor, precision));
  }
  float* next = scratch(room);
  const int written = kWritten[kind];
  memory used[3];
  for (int i = 0; i < 3; i++) {
    void* from = i == written ? data[i] : rounded(data[i], sizes[i], c.factor, precision, next);
    used[i] = prepare(*operands[i], from, next, i == written);
  }

  std::unordered_map<int, memory> args;
  args.emplace(kind == kBackwardData ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, used[0]);
  args.emplace(kind == kBackwardWeights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, used[1]);
  args.emplace(kind == kForward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, used[2]);
  args.emplace(DNNL_ARG_SCRATCHPAD, memory(c.scratchpad, engine(), next));
  if (biased) {
    memory::desc b({shape[8]}, dt::f32, tag::x);
    args.emplace(kind == kForward ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS, memory(b, engine(), bias));
  }
  c.run.execute(stream(), args);
  Operand& result = *operands[written];
  if (result.differs()) {
    memory given(result.given, engine(), data[written]);
    result.reorder.execute(stream(), used[written], given);
  }
  stream().wait();
  if (summed) kernels().reduce(kSum, data[2], summed, 1, shape[0] * shape[5] * shape[6] * shape[7], shape[8]);
}

}  // namespace

void exportConv(Napi::Env env, Napi::Object exports) { exports["conv"] = Napi::Function::New<guarded<conv>>(env, "conv"); }

}  // namespace voco
