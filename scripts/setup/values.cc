// What the binding of tfjs-node lacks: reading tensors without new memory at each call, whose pages the kernel clears
// first; `tensorDataSync` takes three times as long as the copy.
//
//   readTensor(id, values)  fills a Float32Array of as many values
//   lendTensor(id)          an ArrayBuffer of the tensor's own values; on a GPU of a copy
//   takeBack(buffer)        the buffer has no values any more, and no longer keeps the tensor's memory
#include "addition.h"

#include <cstring>

namespace {

Tensor resolve(napi_env env, napi_value id) {
  const Status status = newStatus();
  Tensor values(TFE_TensorHandleResolve(tensor(env, id), status.get()));
  check(status);
  if (TF_TensorType(values.get()) != TF_FLOAT) throw Failure{"expected a tensor of float32"};
  return values;
}

napi_value readTensor(napi_env env, napi_value* arguments) {
  napi_typedarray_type type;
  size_t length = 0;
  void* values = nullptr;
  check(napi_get_typedarray_info(env, arguments[1], &type, &length, &values, nullptr, nullptr), "a Float32Array");
  const Tensor read = resolve(env, arguments[0]);
  if (type != napi_float32_array || TF_TensorByteSize(read.get()) != length * sizeof(float)) {
    throw Failure{"expected a Float32Array of " + std::to_string(TF_TensorElementCount(read.get())) + " values"};
  }
  if (length > 0) std::memcpy(values, TF_TensorData(read.get()), length * sizeof(float));
  return nullptr;
}

napi_value lendTensor(napi_env env, napi_value* arguments) {
  Tensor lent = resolve(env, arguments[0]);
  const auto free = [](napi_env, void*, void* hint) { TF_DeleteTensor(static_cast<TF_Tensor*>(hint)); };
  napi_value buffer;
  check(napi_create_external_arraybuffer(env, TF_TensorData(lent.get()), TF_TensorByteSize(lent.get()), free,
                                         lent.get(), &buffer),
        "a runtime with buffers of others' memory");
  lent.release();
  return buffer;
}

napi_value takeBack(napi_env env, napi_value* arguments) {
  check(napi_detach_arraybuffer(env, arguments[0]), "an ArrayBuffer that was lent");
  return nullptr;
}

}  // namespace

// Adds the methods to the binding's exports.
extern "C" __attribute__((visibility("default"))) void scorestream_add_values(napi_env env, napi_value exports) {
  const napi_property_descriptor methods[] = {
      {"readTensor", nullptr, method<2, readTensor>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"lendTensor", nullptr, method<1, lendTensor>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"takeBack", nullptr, method<1, takeBack>, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_define_properties(env, exports, 3, methods);
}
