// The kernels that multiply, for processors with AVX512-BF16.
#include "kernels.h"

#include <omp.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 10

// To the end of the file, so that what the compiler instantiates there has it too.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma,prefer-vector-width=512")
#include <immintrin.h>
#define VOCO_LANES 16
#define VOCO_BF16

namespace voco::avx512bf16 {
#include "kernels/math.inl"
#include "kernels/lanes.inl"
#include "kernels/bf16.inl"
#include "kernels/microkernel.inl"
#include "kernels/attention.inl"
#include "kernels/tokens.inl"
#include "kernels/winograd.inl"
#include "kernels/gemmconv.inl"
#include "kernels/products.inl"
extern const Products* const products = &kProducts;
}  // namespace voco::avx512bf16

#else

namespace voco::avx512bf16 {
extern const Products* const products = nullptr;
}

#endif
