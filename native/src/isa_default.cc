// The kernels for any x86-64 or other processor.
#include "kernels.h"

#include <omp.h>

#if defined(__x86_64__)
#define VOCO_ISA "sse2"
#elif defined(__aarch64__)
#define VOCO_ISA "neon"
#else
#define VOCO_ISA "generic"
#endif
#define VOCO_LANES 4

namespace voco::base {
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
}  // namespace voco::base
