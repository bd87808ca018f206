// Loops over numbers that compilers vectorize, and bfloat16 in place of float32 wherever an op of ours takes both.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "tensorflow/core/platform/bfloat16.h"

// One binary for all processors of a cluster: the loader takes the widest version that the processor has.
#if defined(__x86_64__) && defined(__linux__)
#define WIDEST __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDEST
#endif
#define INLINE static inline __attribute__((always_inline))

namespace {

using tensorflow::bfloat16;

// Pixels whose sums are taken in float before they are added up in double.
constexpr int64_t kBlock = 32;

// bfloat16 is the upper half of a float: exact that way, rounded to the nearest, ties to even, the other way.
WIDEST void widen(const uint16_t* __restrict from, int64_t n, float* __restrict to) {
  for (int64_t i = 0; i < n; i++) {
    const uint32_t bits = static_cast<uint32_t>(from[i]) << 16;
    std::memcpy(to + i, &bits, sizeof bits);
  }
}

WIDEST void narrow(const float* __restrict from, int64_t n, uint16_t* __restrict to) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    std::memcpy(&bits, from + i, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
    to[i] = (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0 : rounded;
  }
}

// Reads some numbers of a tensor as floats: where they are, or through `room`.
INLINE const float* read(const float* from, int64_t, float*) { return from; }
INLINE const float* read(const bfloat16* from, int64_t n, float* room) {
  widen(reinterpret_cast<const uint16_t*>(from), n, room);
  return room;
}

// What has been read before.
INLINE const float* kept(const float* from, const float*) { return from; }
INLINE const float* kept(const bfloat16*, const float* room) { return room; }

// Floats of room that so many numbers need to be read or written.
template <typename T>
constexpr int64_t roomOf(int64_t n) {
  return std::is_same<T, float>::value ? 0 : n;
}

// Where floats are to be written that `written` then puts into a tensor.
INLINE float* place(float* to, float*) { return to; }
INLINE float* place(bfloat16*, float* room) { return room; }
INLINE void written(const float*, int64_t, float*) {}
INLINE void written(const float* from, int64_t n, bfloat16* to) { narrow(from, n, reinterpret_cast<uint16_t*>(to)); }

// Sums of `add(first pixel, pixels, sum, other)` over an image, block by block: [2][C].
template <typename Add>
std::vector<double> sums(int64_t pixels, int64_t C, Add add) {
  std::vector<double> total(2 * C, 0.0);
  std::vector<float> block(2 * C);
  for (int64_t p = 0; p < pixels; p += kBlock) {
    std::fill(block.begin(), block.end(), 0.0f);
    add(p, std::min(kBlock, pixels - p), block.data(), block.data() + C);
    for (int64_t i = 0; i < 2 * C; i++) total[i] += block[i];
  }
  return total;
}

}  // namespace
