// The kernels for any x86-64 or other processor.
#include "kernels.h"

#include <omp.h>

#define VOCO_ISA "sse2"
#define VOCO_LANES 4

namespace voco::base {
#include "kernels/math.inl"
#include "kernels/elementwise.inl"
#include "kernels/reduce.inl"
#include "kernels/norm.inl"
#include "kernels/microkernel.inl"
#include "kernels/attention.inl"
#include "kernels/winograd.inl"
#include "kernels/gemmconv.inl"
#include "kernels/table.inl"
}  // namespace voco::base
