// The addon's entry, its scratch arena and its settings.
#include <dnnl.hpp>
#include <omp.h>

#include <cstdlib>
#include <new>

#include "common.h"
#include "kernels.h"

namespace voco {
namespace {

struct Arena {
  void* data = nullptr;
  int64_t bytes = 0;
} arena;

void release() {
  std::free(arena.data);
  arena = {};
}

void setThreads(const Napi::CallbackInfo& info) { omp_set_num_threads(static_cast<int>(integer(info[0]))); }
void trim(const Napi::CallbackInfo&) { release(); }

Napi::Value describe(const Napi::CallbackInfo& info) {
  auto out = Napi::Object::New(info.Env());
  const dnnl_version_t* v = dnnl_version();
  out["version"] = std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  out["isa"] = kernels().isa;
  out["threads"] = omp_get_max_threads();
  out["processors"] = omp_get_num_procs();
  out["scratchBytes"] = static_cast<double>(scratchBytes());
  return out;
}

/** Bytes from the start of an ArrayBuffer to its first 64-byte boundary. */
Napi::Value alignment(const Napi::CallbackInfo& info) {
  const auto address = reinterpret_cast<uintptr_t>(info[0].As<Napi::ArrayBuffer>().Data());
  return Napi::Number::New(info.Env(), static_cast<double>((64 - address % 64) % 64));
}

/** Gives an ArrayBuffer's memory back at once, without waiting for the garbage collector. */
void detach(const Napi::CallbackInfo& info) { info[0].As<Napi::ArrayBuffer>().Detach(); }

}  // namespace

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports["setThreads"] = Napi::Function::New<guarded<setThreads>>(env, "setThreads");
  exports["trim"] = Napi::Function::New<guarded<trim>>(env, "trim");
  exports["detach"] = Napi::Function::New<guarded<detach>>(env, "detach");
  exports["describe"] = Napi::Function::New(env, describe, "describe");
  exports["alignment"] = Napi::Function::New(env, alignment, "alignment");
  exportConv(env, exports);
  exportMatmul(env, exports);
  exportKernels(env, exports);
  exportCpu(env, exports);
  return exports;
}

float* scratch(int64_t floats) {
  const int64_t bytes = (floats * 4 + 4095) / 4096 * 4096;
  if (bytes > arena.bytes) {
    release();
    arena.data = std::aligned_alloc(4096, static_cast<size_t>(bytes));
    if (!arena.data) throw std::bad_alloc();
    arena.bytes = bytes;
  }
  return static_cast<float*>(arena.data);
}

FewThreads::FewThreads(double work) : before_(omp_get_max_threads()) {
  if (work < 1e6) omp_set_num_threads(1);
}
FewThreads::~FewThreads() { omp_set_num_threads(before_); }

int64_t scratchBytes() { return arena.bytes; }

}  // namespace voco

static Napi::Object initAddon(Napi::Env env, Napi::Object exports) { return voco::init(env, exports); }

NODE_API_MODULE(voco_onednn, initAddon)
