// Matrix products on oneDNN.
#include <omp.h>

#include "rounded.h"

namespace voco {
namespace {

using dnnl::memory;
using dt = dnnl::memory::data_type;

struct Product {
  dnnl::matmul run;
  memory::desc a, b, bias, y, scratchpad;
  /** What oneDNN multiplies. */
  dt factor;
};

/** A [batch, rows, cols] matrix, transposed in memory where `transposed`; `batch` 1 is broadcast by oneDNN. */
memory::desc matrix(int64_t batch, int64_t rows, int64_t cols, bool transposed, dt type) {
  const memory::dims strides = transposed ? memory::dims{rows * cols, 1, rows} : memory::dims{rows * cols, cols, 1};
  if (batch == 1) return {{rows, cols}, type, memory::dims{strides[1], strides[2]}};
  return {{batch, rows, cols}, type, strides};
}

Product make(const Dims& s, bool hasBias, dt factor) {
  const int64_t batch = s[0], m = s[1], n = s[2], k = s[3];
  Product p;
  p.factor = factor;
  p.a = matrix(batch, m, k, s[4], factor);
  p.b = matrix(batch, k, n, s[5], factor);
  p.y = matrix(batch, m, n, false, dt::f32);
  if (hasBias) p.bias = batch == 1 ? memory::desc({1, n}, dt::f32, memory::dims{n, 1}) : memory::desc({1, 1, n}, dt::f32, memory::dims{n, n, 1});
  const auto attr = userScratchpad();
  const auto pd = hasBias ? implementation<dnnl::matmul>(attr, p.a, p.b, p.bias, p.y) : implementation<dnnl::matmul>(attr, p.a, p.b, p.y);
  // Its plain loops for bfloat16 are far slower than any product in float32.
  if (factor == dt::bf16 && std::string(pd.impl_info_str()).find("ref") != std::string::npos) return make(s, hasBias, dt::f32);
  p.run = dnnl::matmul(pd);
  p.scratchpad = pd.scratchpad_desc();
  return p;
}

/** matmul([batch, m, n, k, transposeA, transposeB], a, b, bias | null, y, precision): y[m,n] = a[m,k] · b[k,n] + bias[n]. */
void matmul(const Napi::CallbackInfo& info) {
  static Cache<Product> cache;
  Dims key = dims(info[0]);
  if (key.size() != 6) throw std::invalid_argument("a matrix product's shape has 6 numbers");
  float* bias = floats(info[3]);
  const Precision precision = precisionOf(info[5]);
  const FewThreads threads(static_cast<double>(key[0]) * key[1] * key[2] * key[3]);
  key.push_back(omp_get_max_threads());
  key.push_back(bias != nullptr);
  key.push_back(precision == kBf16);
  Product& p = cache.get(key, [&] { return make(key, bias != nullptr, factorType(precision)); });
  const int64_t sizes[2] = {key[0] * key[1] * key[3], key[0] * key[3] * key[2]};
  const float *a = floats(info[1], sizes[0]), *b = floats(info[2], sizes[1]);
  float* next = scratch(roundedFloats(sizes[0], p.factor, precision) + roundedFloats(sizes[1], p.factor, precision) +
                        floatsOf(p.scratchpad));
  std::unordered_map<int, memory> args;
  args.emplace(DNNL_ARG_SRC, memory(p.a, engine(), rounded(a, sizes[0], p.factor, precision, next)));
  args.emplace(DNNL_ARG_WEIGHTS, memory(p.b, engine(), rounded(b, sizes[1], p.factor, precision, next)));
  args.emplace(DNNL_ARG_DST, memory(p.y, engine(), floats(info[4], key[0] * key[1] * key[2])));
  args.emplace(DNNL_ARG_SCRATCHPAD, memory(p.scratchpad, engine(), next));
  if (bias) args.emplace(DNNL_ARG_BIAS, memory(p.bias, engine(), bias));
  p.run.execute(stream(), args);
  stream().wait();
}

}  // namespace

void exportMatmul(Napi::Env env, Napi::Object exports) {
  exports["matmul"] = Napi::Function::New<guarded<matmul>>(env, "matmul");
}

}  // namespace voco
