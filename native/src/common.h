// What the bindings share: typed arrays in, shapes in, one scratch arena.
#pragma once
#include <napi.h>

#ifndef _WIN32
#include <signal.h>
#endif

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.h"

namespace voco {

using Dims = std::vector<int64_t>;

/** The floats of a Float32Array, or null for null and undefined. Throws when it holds fewer than `count`. */
inline float* floats(const Napi::Value& value, int64_t count = 0) {
  if (value.IsNull() || value.IsUndefined()) return nullptr;
  if (!value.IsTypedArray()) throw std::invalid_argument("expected a Float32Array");
  auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != napi_float32_array) throw std::invalid_argument("expected a Float32Array");
  if (static_cast<int64_t>(array.ElementLength()) < count) {
    throw std::invalid_argument("an array holds " + std::to_string(array.ElementLength()) + " numbers of " +
                                std::to_string(count));
  }
  return value.As<Napi::Float32Array>().Data();
}

/** A JS array of whole numbers. */
inline Dims dims(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  Dims out(array.Length());
  for (uint32_t i = 0; i < out.size(); i++) out[i] = array.Get(i).As<Napi::Number>().Int64Value();
  return out;
}

inline int64_t product(const Dims& d) {
  int64_t n = 1;
  for (int64_t v : d) n *= v;
  return n;
}

inline int64_t integer(const Napi::Value& value) { return value.As<Napi::Number>().Int64Value(); }
/** One of `Precision` (kernels.h); undefined is float32. */
inline Precision precisionOf(const Napi::Value& value) {
  const int64_t n = value.IsUndefined() ? 0 : integer(value);
  if (n < 0 || n >= kPrecisions) throw std::invalid_argument("no such precision");
  return static_cast<Precision>(n);
}
inline float number(const Napi::Value& value) { return value.As<Napi::Number>().FloatValue(); }
inline bool flag(const Napi::Value& value) { return value.As<Napi::Boolean>().Value(); }

/** 64-byte aligned memory that is kept between calls: a call's scratch, never valid across calls. */
float* scratch(int64_t floats);
/** Bytes that `scratch` holds now. */
int64_t scratchBytes();

Napi::Object init(Napi::Env env, Napi::Object exports);
/** One thread for as long as it lives, where `work` (multiplications) is too little to share out. */
class FewThreads {
 public:
  explicit FewThreads(double work);
  ~FewThreads();
  FewThreads(const FewThreads&) = delete;
  FewThreads& operator=(const FewThreads&) = delete;

 private:
  int before_;
};

void exportConv(Napi::Env env, Napi::Object exports);
void exportMatmul(Napi::Env env, Napi::Object exports);
void exportKernels(Napi::Env env, Napi::Object exports);
void exportCpu(Napi::Env env, Napi::Object exports);

/**
 * Keeps asynchronous signals off this thread, and off the OpenMP threads that are first started under it, for as long as it
 * lives. oneDNN's generated matrix-product code for AVX2 keeps data below the stack's red zone, where a signal handler
 * (SIGTERM, SIGINT, a profiler's SIGPROF) would overwrite it. Node's other threads still take the signals.
 */
class SignalsElsewhere {
 public:
#ifdef _WIN32
  SignalsElsewhere() {}
#else
  SignalsElsewhere() {
    sigset_t asynchronous;
    sigfillset(&asynchronous);
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&asynchronous, fault);
    pthread_sigmask(SIG_BLOCK, &asynchronous, &before_);
  }
  ~SignalsElsewhere() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
#endif
};

/** Wraps a function so that C++ exceptions become JavaScript errors and signals do not disturb it. */
template <void (*F)(const Napi::CallbackInfo&)>
void guarded(const Napi::CallbackInfo& info) {
  const SignalsElsewhere signals;
  try {
    F(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(info.Env(), "out of memory");
  } catch (const std::exception& e) {
    throw Napi::Error::New(info.Env(), std::string("onednn: ") + e.what());
  }
}

}  // namespace voco
