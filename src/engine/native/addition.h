// What our additions to the binding share: access to what it keeps private, arguments from JavaScript, and work that runs
// in a thread of libuv's.
#pragma once
#include <node_api.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "auto-ref.h"
#include "binding/tfjs_backend.h"
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

namespace {

using tfnodejs::TFJSBackend;

// The binding keeps these private; an explicit instantiation may name private members.
template <typename Tag, typename Tag::Type member>
struct Reveal {
  friend typename Tag::Type of(Tag) { return member; }
};
struct Context {
  using Type = TFE_Context* TFJSBackend::*;
  friend Type of(Context);
};
struct Handles {
  using Type = std::unordered_map<int32_t, TFE_TensorHandle*> TFJSBackend::*;
  friend Type of(Handles);
};
struct Describe {
  using Type = napi_value (TFJSBackend::*)(napi_env, TFE_TensorHandle*);
  friend Type of(Describe);
};
struct Device {
  using Type = std::string TFJSBackend::*;
  friend Type of(Device);
};
template struct Reveal<Context, &TFJSBackend::tfe_context_>;
template struct Reveal<Device, &TFJSBackend::device_name>;
template struct Reveal<Handles, &TFJSBackend::tfe_handle_map_>;
template struct Reveal<Describe, &TFJSBackend::GenerateOutputTensorInfo>;

template <typename T, void (*destroy)(T*)>
struct Destroy {
  void operator()(T* object) const { destroy(object); }
};
template <typename T, void (*destroy)(T*)>
using Owned = std::unique_ptr<T, Destroy<T, destroy>>;
using Status = Owned<TF_Status, TF_DeleteStatus>;
using Op = Owned<TFE_Op, TFE_DeleteOp>;
using Handle = Owned<TFE_TensorHandle, TFE_DeleteTensorHandle>;
using Tensor = Owned<TF_Tensor, TF_DeleteTensor>;

// Raised as an error in JavaScript.
struct Failure {
  std::string message;
};

void check(napi_status status, const char* what) {
  if (status != napi_ok) throw Failure{std::string("expected ") + what};
}

void check(const Status& status) {
  if (TF_GetCode(status.get()) != TF_OK) throw Failure{TF_Message(status.get())};
}

Status newStatus() { return Status(TF_NewStatus()); }

TFJSBackend* backendOf(napi_env env) {
  void* backend = nullptr;
  check(napi_get_instance_data(env, &backend), "a loaded binding");
  return static_cast<TFJSBackend*>(backend);
}

TFE_Context* contextOf(napi_env env) { return backendOf(env)->*of(Context()); }

std::string text(napi_env env, napi_value value) {
  size_t length = 0;
  check(napi_get_value_string_utf8(env, value, nullptr, 0, &length), "a text");
  std::string result(length, '\0');
  check(napi_get_value_string_utf8(env, value, &result[0], length + 1, &length), "a text");
  return result;
}

int32_t number(napi_env env, napi_value value) {
  int32_t result = 0;
  check(napi_get_value_int32(env, value, &result), "a number");
  return result;
}

template <typename T>
struct Values {
  T* data;
  size_t length;
};

// Those of a typed array.
template <typename T>
Values<T> values(napi_env env, napi_value value, napi_typedarray_type wanted, const char* what) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  check(napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr), what);
  if (type != wanted) throw Failure{std::string("expected ") + what};
  return {static_cast<T*>(data), length};
}

using Bytes = Values<const void>;
Bytes bytes(napi_env env, napi_value value) {
  return values<const void>(env, value, napi_uint8_array, "a Uint8Array");
}

// The tensor with a number.
TFE_TensorHandle* tensor(napi_env env, napi_value id) {
  const auto& handles = backendOf(env)->*of(Handles());
  const auto handle = handles.find(number(env, id));
  if (handle == handles.end()) throw Failure{"an input is no tensor"};
  return handle->second;
}

// Calls `body` with exactly `count` arguments and turns failures into exceptions of JavaScript.
template <size_t count, napi_value (*body)(napi_env, napi_value*)>
napi_value method(napi_env env, napi_callback_info info) {
  size_t given = count;
  napi_value arguments[count];
  try {
    check(napi_get_cb_info(env, info, &given, arguments, nullptr, nullptr), "arguments");
    if (given != count) throw Failure{"expected " + std::to_string(count) + " arguments"};
    return body(env, arguments);
  } catch (const Failure& failure) {
    napi_throw_error(env, nullptr, failure.message.c_str());
    return nullptr;
  }
}

struct Method {
  const char* name;
  napi_callback callback;
};

// To the binding's exports.
void addMethods(napi_env env, napi_value exports, std::initializer_list<Method> methods) {
  for (const auto& [name, callback] : methods) {
    const napi_property_descriptor property = {name, nullptr, callback, nullptr, nullptr, nullptr, napi_default, nullptr};
    napi_define_properties(env, exports, 1, &property);
  }
}

// Work for another thread, whose results become tensors of the binding.
struct Work {
  std::vector<TFE_TensorHandle*> results;
  Status status = newStatus();
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;

  virtual ~Work() = default;
  virtual void run() = 0;
};

void finish(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Work> work(static_cast<Work*>(data));
  napi_delete_async_work(env, work->work);
  tfnodejs::released()->remove(env);
  if (TF_GetCode(work->status.get()) != TF_OK) {
    napi_value message, error;
    napi_create_string_utf8(env, TF_Message(work->status.get()), NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &error);
    napi_reject_deferred(env, work->deferred, error);
    return;
  }
  TFJSBackend* backend = backendOf(env);
  napi_value infos;
  napi_create_array_with_length(env, work->results.size(), &infos);
  for (uint32_t i = 0; i < work->results.size(); i++) {
    napi_set_element(env, infos, i, (backend->*of(Describe()))(env, work->results[i]));
  }
  napi_resolve_deferred(env, work->deferred, infos);
}

// Begins it. Returns a promise of what `executeOp` returns.
napi_value start(napi_env env, std::unique_ptr<Work> work) {
  napi_value promise, label;
  const auto run = [](napi_env, void* data) { static_cast<Work*>(data)->run(); };
  check(napi_create_string_utf8(env, "scorestream", NAPI_AUTO_LENGTH, &label), "a text");
  check(napi_create_promise(env, &work->deferred, &promise), "a promise");
  check(napi_create_async_work(env, nullptr, label, run, finish, work.get(), &work->work), "work for a thread");
  check(napi_queue_async_work(env, work->work), "a thread for the work");
  work.release();
  return promise;
}

}  // namespace
