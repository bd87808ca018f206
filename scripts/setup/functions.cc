// What the binding of tfjs-node lacks: functions that run where their tensors are, and beside JavaScript.
//
// `runSavedModel` takes inputs and outputs through host memory, which on a GPU moves all parameters each way at every
// step, and it keeps JavaScript waiting. Here a graph becomes a function of the context that the tensors live in.
//
//   addFunction(name, graph, inputs, outputs)  a GraphDef with the nodes in0, in1 ... and out0, out1 ...
//   removeFunction(name)
//   startFunction(name, ids, outputs)          promises what `executeOp` returns; the inputs may be freed at once
//
// A function also runs as the op of its name with `executeOp`.
#include <node_api.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

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
template struct Reveal<Context, &TFJSBackend::tfe_context_>;
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

std::vector<TF_Output> ends(TF_Graph* graph, const char* prefix, int32_t count) {
  std::vector<TF_Output> result;
  for (int32_t i = 0; i < count; i++) {
    const std::string name = prefix + std::to_string(i);
    TF_Operation* node = TF_GraphOperationByName(graph, name.c_str());
    if (node == nullptr) throw Failure{"the graph has no node " + name};
    result.push_back({node, 0});
  }
  return result;
}

napi_value addFunction(napi_env env, napi_value* arguments) {
  const std::string name = text(env, arguments[0]);
  napi_typedarray_type type;
  size_t length = 0;
  void* bytes = nullptr;
  check(napi_get_typedarray_info(env, arguments[1], &type, &length, &bytes, nullptr, nullptr), "the graph's bytes");
  if (type != napi_uint8_array) throw Failure{"expected the graph's bytes as a Uint8Array"};

  const Status status = newStatus();
  const Owned<TF_Graph, TF_DeleteGraph> graph(TF_NewGraph());
  {
    const Owned<TF_Buffer, TF_DeleteBuffer> buffer(TF_NewBufferFromString(bytes, length));
    const Owned<TF_ImportGraphDefOptions, TF_DeleteImportGraphDefOptions> options(TF_NewImportGraphDefOptions());
    TF_GraphImportGraphDef(graph.get(), buffer.get(), options.get(), status.get());
    check(status);
  }
  const std::vector<TF_Output> inputs = ends(graph.get(), "in", number(env, arguments[2]));
  const std::vector<TF_Output> outputs = ends(graph.get(), "out", number(env, arguments[3]));
  const Owned<TF_Function, TF_DeleteFunction> function(
      TF_GraphToFunction(graph.get(), name.c_str(), 0, -1, nullptr, inputs.size(), inputs.data(), outputs.size(),
                         outputs.data(), nullptr, nullptr, nullptr, status.get()));
  check(status);
  TFE_ContextAddFunction(contextOf(env), function.get(), status.get());
  check(status);
  return nullptr;
}

napi_value removeFunction(napi_env env, napi_value* arguments) {
  const Status status = newStatus();
  TFE_ContextRemoveFunction(contextOf(env), text(env, arguments[0]).c_str(), status.get());
  check(status);
  return nullptr;
}

// A function that runs in a thread of libuv's.
struct Call {
  Op op;
  std::vector<TFE_TensorHandle*> results;
  Status status = newStatus();
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
};

void run(napi_env, void* data) {
  Call* call = static_cast<Call*>(data);
  int count = static_cast<int>(call->results.size());
  TFE_Execute(call->op.get(), call->results.data(), &count, call->status.get());
}

void finish(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Call> call(static_cast<Call*>(data));
  napi_delete_async_work(env, call->work);
  if (TF_GetCode(call->status.get()) != TF_OK) {
    napi_value message, error;
    napi_create_string_utf8(env, TF_Message(call->status.get()), NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &error);
    napi_reject_deferred(env, call->deferred, error);
    return;
  }
  TFJSBackend* backend = backendOf(env);
  napi_value infos;
  napi_create_array_with_length(env, call->results.size(), &infos);
  for (uint32_t i = 0; i < call->results.size(); i++) {
    napi_set_element(env, infos, i, (backend->*of(Describe()))(env, call->results[i]));
  }
  napi_resolve_deferred(env, call->deferred, infos);
}

napi_value startFunction(napi_env env, napi_value* arguments) {
  const std::string name = text(env, arguments[0]);
  auto call = std::make_unique<Call>();
  call->op.reset(TFE_NewOp(contextOf(env), name.c_str(), call->status.get()));
  check(call->status);
  uint32_t inputs = 0;
  check(napi_get_array_length(env, arguments[1], &inputs), "an array of tensor numbers");
  const auto& handles = backendOf(env)->*of(Handles());
  for (uint32_t i = 0; i < inputs; i++) {
    napi_value id;
    check(napi_get_element(env, arguments[1], i, &id), "a tensor number");
    const auto handle = handles.find(number(env, id));
    if (handle == handles.end()) throw Failure{"input " + std::to_string(i) + " of " + name + " is no tensor"};
    TFE_OpAddInput(call->op.get(), handle->second, call->status.get());
    check(call->status);
  }
  call->results.resize(number(env, arguments[2]), nullptr);
  napi_value promise, label;
  check(napi_create_string_utf8(env, "scorestream", NAPI_AUTO_LENGTH, &label), "a text");
  check(napi_create_promise(env, &call->deferred, &promise), "a promise");
  check(napi_create_async_work(env, nullptr, label, run, finish, call.get(), &call->work), "work for a thread");
  check(napi_queue_async_work(env, call->work), "a thread for the work");
  call.release();
  return promise;
}

}  // namespace

// Adds the methods to the binding's exports.
extern "C" __attribute__((visibility("default"))) napi_value scorestream_add_functions(napi_env env,
                                                                                       napi_value exports) {
  const napi_property_descriptor methods[] = {
      {"addFunction", nullptr, method<4, addFunction>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"removeFunction", nullptr, method<1, removeFunction>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"startFunction", nullptr, method<3, startFunction>, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_define_properties(env, exports, 3, methods);
  return exports;
}
