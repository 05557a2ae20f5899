// Chooses the kernels for this processor.
#include "cpu.h"

#include <dnnl.hpp>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstdlib>

#include "common.h"

namespace voco {

Bf16 bf16Of(const CpuBits& bits) {
  const auto has = [](uint64_t word, std::initializer_list<int> wanted) {
    for (int bit : wanted) {
      if (!(word >> bit & 1)) return false;
    }
    return true;
  };
  const bool saved = has(bits.leaf1Ecx, {27});             // OSXSAVE: XCR0 may be read
  const bool avx = saved && has(bits.xcr0, {1, 2});        // the halves of ymm
  const bool wide = avx && has(bits.xcr0, {5, 6, 7});      // masks, and the halves and the upper sixteen of zmm
  const bool fma = has(bits.leaf1Ecx, {12});
  const bool avx512 = has(bits.leaf7Ebx, {16, 17, 30, 31});  // F, DQ, BW, VL
  const auto onednn = [&bits](uint32_t isa) { return (bits.onednn & isa) == isa; };
  Bf16 found{};
  found.avx512 = wide && fma && avx512 && has(bits.leaf7Part1Eax, {5}) && onednn(dnnl_cpu_isa_avx512_core_bf16);
  const bool tiles = has(bits.leaf7Edx, {22, 24}) && has(bits.xcr0, {17, 18});  // AMX-BF16 and AMX-TILE; their registers
  found.amx = found.avx512 && tiles && bits.tilesGranted && onednn(dnnl_cpu_isa_avx512_core_amx);
  return found;
}

namespace {

#if defined(__x86_64__)
/** Linux gives a process the registers of AMX's tiles only when it asks for them. */
bool askForTiles() {
#if defined(__linux__)
  constexpr long request = 0x1023, tileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request, tileData) == 0;
#else
  return false;
#endif
}

CpuBits readCpu() {
  CpuBits bits{};
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return bits;
  bits.leaf1Ecx = c;
  if (c >> 27 & 1) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    bits.xcr0 = static_cast<uint64_t>(high) << 32 | low;
  }
  uint32_t parts = 0;
  if (__get_cpuid_count(7, 0, &parts, &b, &c, &d)) {
    bits.leaf7Ebx = b;
    bits.leaf7Edx = d;
    if (parts >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) bits.leaf7Part1Eax = a;
  }
  bits.onednn = static_cast<uint32_t>(dnnl::get_effective_cpu_isa());
  bits.tilesGranted = true;
  // Asked for only where all else is there.
  if (bf16Of(bits).amx) bits.tilesGranted = askForTiles();
  return bits;
}

/** The environment variable VOCO_ISA (sse2, avx2) asks for less than the processor has. */
std::string isaLimit() {
  const char* wanted = std::getenv("VOCO_ISA");
  return wanted ? wanted : "";
}
#endif

struct Chosen {
  const Kernels* table;
  const Products* products;
};

const Chosen& chosen() {
  static const Chosen best = []() -> Chosen {
#if defined(__x86_64__)
    const std::string limit = isaLimit();
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (wide && limit.empty()) return {&avx512::table, &avx512::products};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && limit != "sse2") {
      return {&avx2::table, &avx2::products};
    }
#endif
    return {&base::table, &base::products};
  }();
  return best;
}

/** The kernels that round, or null where they cannot run here. */
const Products* roundingProducts([[maybe_unused]] Precision precision) {
#if defined(__x86_64__)
  if (precision == kBf16) return bf16().avx512 ? avx512bf16::products : nullptr;
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (precision == kEmulatedBf16 || precision == kEmulatedAmx) return avx2 ? &emulated::products : nullptr;
#endif
  return nullptr;
}

/** supports(precision) */
Napi::Value supports(const Napi::CallbackInfo& info) {
  const int64_t precision = integer(info[0]);
  const bool rounds = precision > 0 && precision < kPrecisions && roundingProducts(static_cast<Precision>(precision));
  return Napi::Boolean::New(info.Env(), precision == kFloat32 || rounds);
}

Napi::Object objectOf(Napi::Env env, const Bf16& found) {
  auto out = Napi::Object::New(env);
  out["avx512"] = found.avx512;
  out["amx"] = found.amx;
  return out;
}

/** bf16(): what may be executed here. */
Napi::Value bf16Here(const Napi::CallbackInfo& info) { return objectOf(info.Env(), bf16()); }

/** bf16Of([leaf1Ecx, leaf7Ebx, leaf7Edx, leaf7Part1Eax, xcr0, onednn, tilesGranted]) */
Napi::Value bf16OfBits(const Napi::CallbackInfo& info) {
  const Dims v = dims(info[0]);
  if (v.size() != 7) throw Napi::Error::New(info.Env(), "a processor's description has 7 numbers");
  const auto word = [&v](int i) { return static_cast<uint32_t>(v[i]); };
  return objectOf(info.Env(), bf16Of({word(0), word(1), word(2), word(3), static_cast<uint64_t>(v[4]), word(5), v[6] != 0}));
}

}  // namespace

const Bf16& bf16() {
#if defined(__x86_64__)
  static const Bf16 found = avx512bf16::products && isaLimit().empty() ? bf16Of(readCpu()) : Bf16{};
#else
  static const Bf16 found{};
#endif
  return found;
}

const Kernels& kernels() { return *chosen().table; }

const Products& products(Precision precision) {
  if (precision == kFloat32) return *chosen().products;
  const Products* found = roundingProducts(precision);
  if (!found) throw std::invalid_argument("this processor does not multiply in bfloat16");
  return *found;
}

void exportCpu(Napi::Env env, Napi::Object exports) {
  exports["supports"] = Napi::Function::New(env, supports, "supports");
  exports["bf16"] = Napi::Function::New(env, bf16Here, "bf16");
  exports["bf16Of"] = Napi::Function::New(env, bf16OfBits, "bf16Of");
}

}  // namespace voco
