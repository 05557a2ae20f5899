// The kernels for AVX512-BF16 on processors with AVX2: the same code, but for the instructions that round and multiply. For
// tests.
#include "kernels.h"

#include <omp.h>

#if defined(__x86_64__)

// To the end of the file, so that what the compiler instantiates there has it too.
#pragma GCC target("avx2,fma")
#define VOCO_LANES 8
#define VOCO_BF16
#define VOCO_EMULATED

namespace voco::emulated {
#include "kernels/math.inl"
#include "kernels/lanes.inl"
#include "kernels/bf16.inl"
#include "kernels/microkernel.inl"
#include "kernels/attention.inl"
#include "kernels/tokens.inl"
#include "kernels/winograd.inl"
#include "kernels/gemmconv.inl"
#include "kernels/products.inl"
extern const Products products = kProducts;
}  // namespace voco::emulated

#endif
