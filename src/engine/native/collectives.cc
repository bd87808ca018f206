// TensorFlow's collective runtime: ops that processes run together, each with a gRPC server of TensorFlow's.
//
// Enabling it renames the devices of a context, so each group has a context of its own beside the binding's; on the
// processor they share the memory of tensors. A server cannot be ended, so a group lasts as long as the process.
//
//   openCollectives(group, serverDef, config, port, allowed)   promises nothing; `group` is a number of the caller's
//   runCollective(group, op, id, size, key)                    promises what `executeOp` returns; the input may be freed at once
//   abortCollectives(group)                                    what runs fails, and all that comes
//   closeCollectives(group, port)                              the same, and nobody reaches the server any more
#include "port-filter.h"

// Of tensorflow/c/eager/c_api_experimental.h and tensorflow/c/c_api_experimental.h.
extern "C" {
void TFE_EnableCollectiveOps(TFE_Context* context, const void* serverDef, size_t length, TF_Status* status);
void TFE_AbortCollectiveOps(TFE_Context* context, TF_Status* status);
}

namespace {

const int32_t GROUP_KEY = 1;

std::unordered_map<int32_t, TFE_Context*> groups;

TFE_Context* groupOf(napi_env env, napi_value value) {
  const auto group = groups.find(number(env, value));
  if (group == groups.end()) throw Failure{"there is no such group"};
  return group->second;
}

struct Opening : Work {
  TFE_Context* context;
  std::string serverDef;
  int32_t port;
  Filter filter;

  void run() override {
    TFE_EnableCollectiveOps(context, serverDef.data(), serverDef.size(), status.get());
    if (TF_GetCode(status.get()) != TF_OK) return;
    try {
      guard(port, std::move(filter));
    } catch (const Failure& failure) {
      TF_SetStatus(status.get(), TF_PERMISSION_DENIED, failure.message.c_str());
    }
  }
};

napi_value openCollectives(napi_env env, napi_value* arguments) {
  const auto [serverDef, serverDefLength] = bytes(env, arguments[1]);
  const auto [config, configLength] = bytes(env, arguments[2]);
  auto opening = std::make_unique<Opening>();
  const Owned<TFE_ContextOptions, TFE_DeleteContextOptions> options(TFE_NewContextOptions());
  TFE_ContextOptionsSetConfig(options.get(), config, configLength, opening->status.get());
  check(opening->status);
  opening->context = TFE_NewContext(options.get(), opening->status.get());
  check(opening->status);
  groups[number(env, arguments[0])] = opening->context;
  opening->serverDef.assign(static_cast<const char*>(serverDef), serverDefLength);
  opening->port = number(env, arguments[3]);
  opening->filter = onlyFrom(text(env, arguments[4]));
  return start(env, std::move(opening));
}

struct Collective : Work {
  TFE_Context* group;
  TFE_Context* own;
  std::string device;
  std::string name;
  Handle input;
  std::vector<int32_t> numbers;

  bool ok() const { return TF_GetCode(status.get()) == TF_OK; }

  Handle moved(TFE_TensorHandle* handle) {
    const Tensor tensor(TFE_TensorHandleResolve(handle, status.get()));
    return Handle(ok() ? TFE_NewTensorHandle(tensor.get(), status.get()) : nullptr);
  }

  void run() override {
    const Op op(TFE_NewOp(group, name.c_str(), status.get()));
    if (!ok()) return;
    std::vector<Handle> inputs;
    inputs.push_back(moved(input.get()));
    for (const int32_t value : numbers) {
      const Tensor scalar(TF_AllocateTensor(TF_INT32, nullptr, 0, sizeof value));
      *static_cast<int32_t*>(TF_TensorData(scalar.get())) = value;
      if (ok()) inputs.emplace_back(TFE_NewTensorHandle(scalar.get(), status.get()));
    }
    for (const Handle& handle : inputs) {
      if (ok()) TFE_OpAddInput(op.get(), handle.get(), status.get());
    }
    if (!ok()) return;
    TFE_TensorHandle* output = nullptr;
    int count = 1;
    TFE_Execute(op.get(), &output, &count, status.get());
    const Handle result(output);
    if (!ok()) return;
    const Handle here = moved(result.get());
    if (!ok()) return;
    results.push_back(TFE_TensorHandleCopyToDevice(here.get(), own, device.c_str(), status.get()));
  }
};

napi_value runCollective(napi_env env, napi_value* arguments) {
  auto call = std::make_unique<Collective>();
  call->group = groupOf(env, arguments[0]);
  call->own = contextOf(env);
  call->device = backendOf(env)->*of(Device());
  call->name = text(env, arguments[1]);
  call->input.reset(TFE_TensorHandleCopySharingTensor(tensor(env, arguments[2]), call->status.get()));
  check(call->status);
  call->numbers = {number(env, arguments[3]), GROUP_KEY, number(env, arguments[4])};
  return start(env, std::move(call));
}

napi_value abortCollectives(napi_env env, napi_value* arguments) {
  const Status reason = newStatus();
  TF_SetStatus(reason.get(), TF_CANCELLED, "given up");
  TFE_AbortCollectiveOps(groupOf(env, arguments[0]), reason.get());
  return nullptr;
}

napi_value closeCollectives(napi_env env, napi_value* arguments) {
  abortCollectives(env, arguments);
  guard(number(env, arguments[1]), fromNobody());
  return nullptr;
}

}  // namespace

// Adds the methods to the binding's exports.
extern "C" __attribute__((visibility("default"))) void scorestream_add_collectives(napi_env env, napi_value exports) {
  addMethods(env, exports, {
      {"openCollectives", method<5, openCollectives>},
      {"runCollective", method<5, runCollective>},
      {"abortCollectives", method<1, abortCollectives>},
      {"closeCollectives", method<2, closeCollectives>},
  });
}
