// What tensors hold the memory of JavaScript by: in place of the binding's own class, whose guard this defines.
//
// TensorFlow frees a tensor in whichever thread lets go of it last, and calls `Cleanup` there. A reference may only be
// deleted in the thread of JavaScript: V8 would free one handle twice, and abort at any later moment.
#pragma once
#define TF_NODEJS_NAPI_AUTO_REF_H_
#include <node_api.h>

// See context.cc.
#define TFE_NewContext scorestream_new_context

#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace tfnodejs {

// References that wait for their thread.
class Released {
 public:
  bool isHere() const { return std::this_thread::get_id() == thread_; }

  void add(napi_ref reference) {
    const std::lock_guard<std::mutex> lock(mutex_);
    references_.push_back(reference);
  }

  void remove(napi_env env) {
    std::vector<napi_ref> references;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      references.swap(references_);
    }
    for (napi_ref reference : references) napi_delete_reference(env, reference);
  }

 private:
  const std::thread::id thread_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::vector<napi_ref> references_;
};

// Of the calling thread, which runs JavaScript.
inline const std::shared_ptr<Released>& released() {
  static thread_local const auto here = std::make_shared<Released>();
  return here;
}

class NapiAutoRef {
 public:
  napi_status Init(napi_env env, napi_value value) {
    released()->remove(env);
    env_ = env;
    released_ = released();
    return napi_create_reference(env, value, 1, &reference_);
  }

  napi_status Cleanup() {
    const napi_ref reference = std::exchange(reference_, nullptr);
    if (reference == nullptr) return napi_invalid_arg;
    if (released_->isHere()) return napi_delete_reference(env_, reference);
    released_->add(reference);
    return napi_ok;
  }

 private:
  napi_env env_ = nullptr;
  napi_ref reference_ = nullptr;
  std::shared_ptr<Released> released_;
};

}  // namespace tfnodejs
