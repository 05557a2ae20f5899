// The kernels for processors with AVX-512.
#include "kernels.h"

#include <omp.h>

#if defined(__x86_64__)

// To the end of the file, so that what the compiler instantiates there has it too.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512")
#define VOCO_ISA "avx512"
#define VOCO_LANES 16

namespace voco::avx512 {
#include "kernels/math.inl"
#include "kernels/elementwise.inl"
#include "kernels/reduce.inl"
#include "kernels/norm.inl"
#include "kernels/groupnorm.inl"
#include "kernels/pool.inl"
#include "kernels/channelnorm.inl"
#include "kernels/upsample.inl"
#include "kernels/lanes.inl"
#include "kernels/float32.inl"
#include "kernels/microkernel.inl"
#include "kernels/attention.inl"
#include "kernels/tokens.inl"
#include "kernels/winograd.inl"
#include "kernels/gemmconv.inl"
#include "kernels/products.inl"
#include "kernels/table.inl"
extern const Products products = kProducts;
}  // namespace voco::avx512

#endif
