// 3D convolution and its two gradients on oneDNN. Activations are read and written channels last, where they are; the filter
// arrives as [kd,kh,kw,in,out] and is reordered into the layout that oneDNN asks for.
#include <omp.h>

#include "dnnl_cache.h"

namespace voco {
namespace {

using dnnl::memory;
using tag = dnnl::memory::format_tag;
using dt = dnnl::memory::data_type;

enum Kind { kForward, kBackwardData, kBackwardWeights };

/** Shape of a call: [N,D,H,W,I, D',H',W',O, kd,kh,kw, sd,sh,sw, front,top,left, back,bottom,right]. */
struct Shape {
  explicit Shape(const Dims& v) {
    if (v.size() != 21) throw std::invalid_argument("a convolution's shape has 21 numbers");
    x = {v[0], v[4], v[1], v[2], v[3]};
    y = {v[0], v[8], v[5], v[6], v[7]};
    filter = {v[8], v[4], v[9], v[10], v[11]};
    strides = {v[12], v[13], v[14]};
    before = {v[15], v[16], v[17]};
    after = {v[18], v[19], v[20]};
  }
  memory::dims x, y, filter, strides, before, after;
};

struct Conv {
  dnnl::primitive run;
  dnnl::reorder reorder;
  memory::desc x, y, filterIn, filter, scratchpad;
  bool reordered = false;
  int64_t filterFloats = 0, scratchFloats = 0;
};

dnnl::convolution_forward::primitive_desc forwardDesc(const Shape& s, bool bias) {
  memory::desc x(s.x, dt::f32, tag::ndhwc), y(s.y, dt::f32, tag::ndhwc), w(s.filter, dt::f32, tag::any);
  memory::desc b({s.y[1]}, dt::f32, tag::x);
  const auto kind = dnnl::prop_kind::forward_training;
  const auto algorithm = dnnl::algorithm::convolution_auto;
  auto desc = bias ? dnnl::convolution_forward::desc(kind, algorithm, x, w, b, y, s.strides, s.before, s.after)
                   : dnnl::convolution_forward::desc(kind, algorithm, x, w, y, s.strides, s.before, s.after);
  return {desc, userScratchpad(), engine()};
}

template <class PrimitiveDesc>
void finish(Conv& conv, const PrimitiveDesc& pd, const memory::desc& filter) {
  conv.filter = filter;
  conv.reordered = conv.filter != conv.filterIn;
  conv.filterFloats = conv.reordered ? floatsOf(conv.filter) : 0;
  conv.scratchpad = pd.scratchpad_desc();
  conv.scratchFloats = floatsOf(conv.scratchpad);
}

dnnl::reorder reorderOf(const memory::desc& from, const memory::desc& to) {
  return dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
}

Conv make(Kind kind, const Shape& s, bool bias) {
  Conv conv;
  conv.x = memory::desc(s.x, dt::f32, tag::ndhwc);
  conv.y = memory::desc(s.y, dt::f32, tag::ndhwc);
  conv.filterIn = memory::desc(s.filter, dt::f32, tag::dhwio);
  const auto hint = forwardDesc(s, kind != kBackwardData && bias);
  const auto algorithm = dnnl::algorithm::convolution_auto;
  memory::desc any(s.filter, dt::f32, tag::any), b({s.y[1]}, dt::f32, tag::x);
  if (kind == kForward) {
    conv.run = dnnl::convolution_forward(hint);
    finish(conv, hint, hint.weights_desc());
    if (conv.reordered) conv.reorder = reorderOf(conv.filterIn, conv.filter);
  } else if (kind == kBackwardData) {
    dnnl::convolution_backward_data::desc desc(algorithm, conv.x, any, conv.y, s.strides, s.before, s.after);
    dnnl::convolution_backward_data::primitive_desc pd(desc, userScratchpad(), engine(), hint);
    conv.run = dnnl::convolution_backward_data(pd);
    finish(conv, pd, pd.weights_desc());
    if (conv.reordered) conv.reorder = reorderOf(conv.filterIn, conv.filter);
  } else {
    auto desc = bias ? dnnl::convolution_backward_weights::desc(algorithm, conv.x, any, b, conv.y, s.strides, s.before, s.after)
                     : dnnl::convolution_backward_weights::desc(algorithm, conv.x, any, conv.y, s.strides, s.before, s.after);
    dnnl::convolution_backward_weights::primitive_desc pd(desc, userScratchpad(), engine(), hint);
    conv.run = dnnl::convolution_backward_weights(pd);
    finish(conv, pd, pd.diff_weights_desc());
    if (conv.reordered) conv.reorder = reorderOf(conv.filter, conv.filterIn);
  }
  return conv;
}

Conv& cached(Kind kind, const Dims& shape, bool bias) {
  static Cache<Conv> cache;
  Dims key = shape;
  key.push_back(kind);
  key.push_back(omp_get_max_threads());
  key.push_back(bias);
  return cache.get(key, [&] { return make(kind, Shape(shape), bias); });
}

/** conv(kind, shape, x, filter, bias | null, y): reads and writes the three as `kind` says. */
void conv(const Napi::CallbackInfo& info) {
  const Kind kind = static_cast<Kind>(integer(info[0]));
  const Dims shape = dims(info[1]);
  float* bias = floats(info[4]);
  Conv& c = cached(kind, shape, bias != nullptr);
  float* x = floats(info[2], product(c.x.dims()));
  float* filter = floats(info[3], product(c.filterIn.dims()));
  float* y = floats(info[5], product(c.y.dims()));

  float* work = scratch(c.filterFloats + c.scratchFloats);
  memory given(c.filterIn, engine(), filter);
  memory used = c.reordered ? memory(c.filter, engine(), work) : given;
  if (c.reordered && kind != kBackwardWeights) c.reorder.execute(stream(), given, used);
  std::unordered_map<int, memory> args;
  args.emplace(kind == kBackwardData ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, memory(c.x, engine(), x));
  args.emplace(kind == kForward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, memory(c.y, engine(), y));
  args.emplace(kind == kBackwardWeights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, used);
  args.emplace(DNNL_ARG_SCRATCHPAD, memory(c.scratchpad, engine(), work + c.filterFloats));
  if (bias) {
    memory::desc b({c.y.dims()[1]}, dt::f32, tag::x);
    args.emplace(kind == kForward ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS, memory(b, engine(), bias));
  }
  c.run.execute(stream(), args);
  if (c.reordered && kind == kBackwardWeights) c.reorder.execute(stream(), used, given);
  stream().wait();
}

}  // namespace

void exportConv(Napi::Env env, Napi::Object exports) { exports["conv"] = Napi::Function::New<guarded<conv>>(env, "conv"); }

}  // namespace voco
