// What the binding of tfjs-node lacks: reading tensors without new memory at each call, whose pages the kernel clears
// first (`tensorDataSync` takes three times as long as the copy), and what is done with every value of a gradient that
// comes and goes.
//
//   readTensor(id, values)  fills a Float32Array of as many values
//   lendTensor(id)          an ArrayBuffer of the tensor's own values; on a GPU of a copy
//   takeBack(buffer)        the buffer has no values any more, and no longer keeps the tensor's memory
//   allFinite(values)       whether none of a Float32Array is infinite or NaN
//   addValues(a, b, out)    Float32Arrays of one length; subnormal numbers count as 0, as in TensorFlow's kernels. Only
//                           on x86
#include "addition.h"

#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace {

Values<float> floats(napi_env env, napi_value value) {
  return values<float>(env, value, napi_float32_array, "a Float32Array");
}

napi_value allFinite(napi_env env, napi_value* arguments) {
  const auto [data, length] = floats(env, arguments[0]);
  constexpr uint32_t exponent = 0x7f800000;
  uint32_t bad = 0;
  for (size_t i = 0; i < length; i++) {
    uint32_t bits;
    std::memcpy(&bits, data + i, sizeof bits);
    bad |= (bits & exponent) == exponent;
  }
  napi_value result;
  check(napi_get_boolean(env, bad == 0, &result), "a result");
  return result;
}

#ifdef __SSE2__
napi_value addValues(napi_env env, napi_value* arguments) {
  const auto [a, length] = floats(env, arguments[0]);
  const auto [b, ofB] = floats(env, arguments[1]);
  const auto [out, ofOut] = floats(env, arguments[2]);
  if (ofB != length || ofOut != length) throw Failure{"expected arrays of one length"};
  const unsigned int before = _mm_getcsr();
  constexpr unsigned int subnormalsAreZero = 0x8040;
  _mm_setcsr(before | subnormalsAreZero);
  size_t i = 0;
  for (; i + 4 <= length; i += 4) _mm_storeu_ps(out + i, _mm_add_ps(_mm_loadu_ps(a + i), _mm_loadu_ps(b + i)));
  for (; i < length; i++) _mm_store_ss(out + i, _mm_add_ss(_mm_load_ss(a + i), _mm_load_ss(b + i)));
  _mm_setcsr(before);
  return nullptr;
}
#endif

Tensor resolve(napi_env env, napi_value id) {
  const Status status = newStatus();
  Tensor values(TFE_TensorHandleResolve(tensor(env, id), status.get()));
  check(status);
  if (TF_TensorType(values.get()) != TF_FLOAT) throw Failure{"expected a tensor of float32"};
  return values;
}

napi_value readTensor(napi_env env, napi_value* arguments) {
  const auto [data, length] = floats(env, arguments[1]);
  const Tensor read = resolve(env, arguments[0]);
  if (TF_TensorByteSize(read.get()) != length * sizeof(float)) {
    throw Failure{"expected a Float32Array of " + std::to_string(TF_TensorElementCount(read.get())) + " values"};
  }
  if (length > 0) std::memcpy(data, TF_TensorData(read.get()), length * sizeof(float));
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
  addMethods(env, exports, {
      {"readTensor", method<2, readTensor>},
      {"lendTensor", method<1, lendTensor>},
      {"takeBack", method<1, takeBack>},
      {"allFinite", method<1, allFinite>},
#ifdef __SSE2__
      {"addValues", method<3, addValues>},
#endif
  });
}
