// Matrix products on oneDNN.
#include <omp.h>

#include "dnnl_cache.h"

namespace voco {
namespace {

using dnnl::memory;
using dt = dnnl::memory::data_type;

struct Product {
  dnnl::matmul run;
  memory::desc a, b, bias, y, scratchpad;
};

/** A [batch, rows, cols] matrix, transposed in memory where `transposed`; `batch` 1 is broadcast by oneDNN. */
memory::desc matrix(int64_t batch, int64_t rows, int64_t cols, bool transposed) {
  const memory::dims strides = transposed ? memory::dims{rows * cols, 1, rows} : memory::dims{rows * cols, cols, 1};
  if (batch == 1) return {{rows, cols}, dt::f32, memory::dims{strides[1], strides[2]}};
  return {{batch, rows, cols}, dt::f32, strides};
}

Product make(const Dims& s) {
  const int64_t batch = s[0], m = s[1], n = s[2], k = s[3];
  Product p;
  p.a = matrix(batch, m, k, s[4]);
  p.b = matrix(batch, k, n, s[5]);
  p.y = matrix(batch, m, n, false);
  if (s[7]) p.bias = batch == 1 ? memory::desc({1, n}, dt::f32, memory::dims{n, 1}) : memory::desc({1, 1, n}, dt::f32, memory::dims{n, n, 1});
  auto desc = s[7] ? dnnl::matmul::desc(p.a, p.b, p.bias, p.y) : dnnl::matmul::desc(p.a, p.b, p.y);
  dnnl::matmul::primitive_desc pd(desc, userScratchpad(), engine());
  p.run = dnnl::matmul(pd);
  p.scratchpad = pd.scratchpad_desc();
  return p;
}

/** matmul([batch, m, n, k, transposeA, transposeB], a, b, bias | null, y): y[m,n] = a[m,k] · b[k,n] + bias[n]. */
void matmul(const Napi::CallbackInfo& info) {
  static Cache<Product> cache;
  Dims key = dims(info[0]);
  if (key.size() != 6) throw std::invalid_argument("a matrix product's shape has 6 numbers");
  float* bias = floats(info[3]);
  const FewThreads threads(static_cast<double>(key[0]) * key[1] * key[2] * key[3]);
  key.push_back(omp_get_max_threads());
  key.push_back(bias != nullptr);
  Product& p = cache.get(key, [&] { return make(key); });
  std::unordered_map<int, memory> args;
  args.emplace(DNNL_ARG_SRC, memory(p.a, engine(), floats(info[1], key[0] * key[1] * key[3])));
  args.emplace(DNNL_ARG_WEIGHTS, memory(p.b, engine(), floats(info[2], key[0] * key[3] * key[2])));
  args.emplace(DNNL_ARG_DST, memory(p.y, engine(), floats(info[4], key[0] * key[1] * key[2])));
  args.emplace(DNNL_ARG_SCRATCHPAD, memory(p.scratchpad, engine(), scratch(floatsOf(p.scratchpad))));
  if (bias) args.emplace(DNNL_ARG_BIAS, memory(p.bias, engine(), bias));
  p.run.execute(stream(), args);
  stream().wait();
}

}  // namespace

void exportMatmul(Napi::Env env, Napi::Object exports) {
  exports["matmul"] = Napi::Function::New<guarded<matmul>>(env, "matmul");
}

}  // namespace voco
