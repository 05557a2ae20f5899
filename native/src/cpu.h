// What the processor, its system and oneDNN can do.
#pragma once
#include <cstdint>

namespace voco {

/** What bfloat16 depends on: registers of CPUID and XCR0 (0 where they cannot be read). */
struct CpuBits {
  uint32_t leaf1Ecx, leaf7Ebx, leaf7Edx, leaf7Part1Eax;
  uint64_t xcr0;
  /** The isa that oneDNN takes itself to have (`dnnl_cpu_isa_t`), which ONEDNN_MAX_CPU_ISA lowers. */
  uint32_t onednn;
  /** Whether the system lets this process use AMX's tiles. */
  bool tilesGranted;
};

struct Bf16 {
  /** AVX512-BF16, without which there is no fast bfloat16. */
  bool avx512;
  /** AMX-BF16 besides. */
  bool amx;
};

/** Instructions that may be executed: those that the processor has, whose registers the system saves, and oneDNN allows. */
Bf16 bf16Of(const CpuBits& bits);

/** What may be executed here. */
const Bf16& bf16();

}  // namespace voco
