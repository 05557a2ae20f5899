// Factors of oneDNN's products, rounded to bfloat16 where that is asked for.
#pragma once
#include "dnnl_cache.h"
#include "kernels.h"

namespace voco {

/** What oneDNN is to multiply: where bfloat16 is emulated, rounded numbers as float32. */
inline dnnl::memory::data_type factorType(Precision precision) {
  return precision == kBf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

/** Floats of scratch that `rounded` takes. */
inline int64_t roundedFloats(int64_t n, dnnl::memory::data_type type, Precision precision) {
  if (precision == kFloat32) return 0;
  return floatsOf(dnnl::memory::desc({n}, type, dnnl::memory::format_tag::x));
}

/** `x` as numbers of `type`; in float32 itself, else a copy at `next`, which is moved on. */
inline void* rounded(const float* x, int64_t n, dnnl::memory::data_type type, Precision precision, float*& next) {
  if (precision == kFloat32) return const_cast<float*>(x);
  const Products& kernels = products(precision);
  float* copy = next;
  next += roundedFloats(n, type, precision);
  if (type == dnnl::memory::data_type::bf16) kernels.toBf16(x, reinterpret_cast<uint16_t*>(copy), n);
  else kernels.roundToBf16(x, copy, n);
  return copy;
}

}  // namespace voco
