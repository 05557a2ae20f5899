// oneDNN primitives, made once for each shape.
#pragma once
#include <dnnl.hpp>

#include <map>
#include <memory>

#include "common.h"

namespace voco {

inline dnnl::engine& engine() {
  static dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

inline dnnl::stream& stream() {
  static dnnl::stream s(engine());
  return s;
}

/** Scratchpads come from `scratch`, whose pages stay mapped. */
inline dnnl::primitive_attr userScratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

/** The best implementation of a primitive; `args` are those of its `desc` in oneDNN 2, which oneDNN 3 takes without one. */
template <class Primitive, class... Args>
typename Primitive::primitive_desc implementation(const dnnl::primitive_attr& attr, const Args&... args) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine(), args..., attr);
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(args...), attr, engine());
#endif
}

/** The same of a gradient; `forward` is the call that it belongs to. */
template <class Primitive, class Forward, class... Args>
typename Primitive::primitive_desc gradientOf(const Forward& forward, const dnnl::primitive_attr& attr, const Args&... args) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine(), args..., forward, attr);
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(args...), attr, engine(), forward);
#endif
}

/** Floats that hold `desc`, rounded up to whole cache lines. */
inline int64_t floatsOf(const dnnl::memory::desc& desc) {
  return static_cast<int64_t>((desc.get_size() + 63) / 64 * 16);
}

/** Entries by shape. Emptied when it grows past what one training job can need. */
template <class Entry>
class Cache {
 public:
  template <class Make>
  Entry& get(const Dims& key, Make make) {
    auto found = entries_.find(key);
    if (found != entries_.end()) return *found->second;
    if (entries_.size() >= 1024) entries_.clear();
    return *entries_.emplace(key, std::make_unique<Entry>(make())).first->second;
  }

 private:
  std::map<Dims, std::unique_ptr<Entry>> entries_;
};

}  // namespace voco
