// What the binding of tfjs-node lacks: functions that run where their tensors are, and beside JavaScript.
//
// `runSavedModel` takes inputs and outputs through host memory, which on a GPU moves all parameters each way at every
// step, and it keeps JavaScript waiting. Here a graph becomes a function of the context that the tensors live in.
//
//   addFunction(name, graph, inputs, outputs)  a GraphDef with the nodes in0, in1 ... and out0, out1 ...
//   removeFunction(name)
//   startFunction(name, ids, outputs, xla)     promises what `executeOp` returns; the inputs may be freed at once.
//                                              With `xla` true, XLA compiles it at its first call
//
// A function also runs as the op of its name with `executeOp`.
#include "addition.h"

namespace {

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
  const Bytes definition = bytes(env, arguments[1]);
  const Status status = newStatus();
  const Owned<TF_Graph, TF_DeleteGraph> graph(TF_NewGraph());
  {
    const Owned<TF_Buffer, TF_DeleteBuffer> buffer(TF_NewBufferFromString(definition.data, definition.length));
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

struct Call : Work {
  Op op;

  void run() override {
    int count = static_cast<int>(results.size());
    TFE_Execute(op.get(), results.data(), &count, status.get());
  }
};

napi_value startFunction(napi_env env, napi_value* arguments) {
  const std::string name = text(env, arguments[0]);
  auto call = std::make_unique<Call>();
  call->op.reset(TFE_NewOp(contextOf(env), name.c_str(), call->status.get()));
  check(call->status);
  uint32_t inputs = 0;
  check(napi_get_array_length(env, arguments[1], &inputs), "an array of tensor numbers");
  for (uint32_t i = 0; i < inputs; i++) {
    napi_value id;
    check(napi_get_element(env, arguments[1], i, &id), "a tensor number");
    TFE_OpAddInput(call->op.get(), tensor(env, id), call->status.get());
    check(call->status);
  }
  call->results.resize(number(env, arguments[2]), nullptr);
  bool xla = false;
  check(napi_get_value_bool(env, arguments[3], &xla), "true or false");
  if (xla) TFE_OpSetAttrBool(call->op.get(), "_XlaMustCompile", 1);
  return start(env, std::move(call));
}

}  // namespace

// Adds the methods to the binding's exports.
extern "C" __attribute__((visibility("default"))) void scorestream_add_functions(napi_env env, napi_value exports) {
  addMethods(env, exports, {
      {"addFunction", method<4, addFunction>},
      {"removeFunction", method<1, removeFunction>},
      {"startFunction", method<4, startFunction>},
  });
}
