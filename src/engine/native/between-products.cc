// Ops of our own between the products of a network, for CPUs: one pass over memory each, in float32 inside.
//
//   ScoreStreamDropout    x, seed [2]  -> x, where a number of StatelessRandomUniform is below rate 0, else divided by 1 - rate
//   ScoreStreamScaledSum  x0 [, x1]    -> (x0 + x1) scale
//   ScoreStreamPixelSum   x [.., C]    -> its sum, float32: [C], or [B, 1, 1, C] of each image of [B, H, W, C]
//
// Results do not depend on the number of threads.
#include "numbers.h"

#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/util/work_sharder.h"

namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

// Numbers that are computed at a time.
constexpr int64_t kChunk = 1024;
constexpr int64_t kGroups = kChunk / 4;

struct Philox {
  uint32_t key[2];
  uint32_t counter[4];
};

// Philox4x32-10 of Salmon et al. 2011, as TensorFlow's StatelessRandomUniform has it, for `kGroups` counters from `first` on.
WIDEST void philox(const Philox& state, uint32_t first, uint32_t (*__restrict words)[kGroups]) {
  for (int64_t i = 0; i < kGroups; i++) {
    uint32_t a = first + static_cast<uint32_t>(i), b = state.counter[1], c = state.counter[2], d = state.counter[3];
    uint32_t k0 = state.key[0], k1 = state.key[1];
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
      const uint64_t p = uint64_t{0xD2511F53u} * a, q = uint64_t{0xCD9E8D57u} * c;
      a = static_cast<uint32_t>(q >> 32) ^ b ^ k0;
      b = static_cast<uint32_t>(q);
      c = static_cast<uint32_t>(p >> 32) ^ d ^ k1;
      d = static_cast<uint32_t>(p);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    words[0][i] = a, words[1][i] = b, words[2][i] = c, words[3][i] = d;
  }
}

// As TensorFlow's GenerateKey scrambles a seed.
Philox stateOf(int32_t seed0, int32_t seed1) {
  const uint64_t s0 = static_cast<int64_t>(seed0), s1 = static_cast<int64_t>(seed1);
  const Philox seeds{{0x3ec8f720u, 0x02461e29u},
                     {static_cast<uint32_t>(s0), static_cast<uint32_t>(s0 >> 32), static_cast<uint32_t>(s1),
                      static_cast<uint32_t>(s1 >> 32)}};
  uint32_t words[4][kGroups];
  philox(seeds, seeds.counter[0], words);
  return {{words[0][0], words[1][0]}, {0, 0, words[2][0], words[3][0]}};
}

// Numbers are u in [0, 1): 23 bits. Those with u + (1 - rate) >= 1 are kept.
WIDEST void masked(const float* __restrict x, uint32_t (*__restrict words)[kGroups], int64_t n, float kept, float factor,
                   float* __restrict y) {
  float factors[kChunk];
  for (int64_t i = 0; i < kGroups; i++) {
    for (int64_t j = 0; j < 4; j++) {
      const uint32_t bits = 0x3f800000u | (words[j][i] & 0x7fffffu);
      float u;
      std::memcpy(&u, &bits, sizeof u);
      factors[4 * i + j] = (u - 1.0f) + kept >= 1.0f ? factor : 0.0f;
    }
  }
  for (int64_t i = 0; i < n; i++) y[i] = x[i] * factors[i];
}

template <typename T>
class Dropout : public OpKernel {
 public:
  explicit Dropout(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("kept", &kept_));
    OP_REQUIRES_OK(construction, construction->GetAttr("factor", &factor_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& seed = context->input(1);
    OP_REQUIRES(context, seed.NumElements() == 2, tensorflow::errors::InvalidArgument("Dropout: a seed is two numbers"));
    Tensor* y;
    OP_REQUIRES_OK(context, context->allocate_output(0, context->input(0).shape(), &y));
    const Philox state = stateOf(seed.flat<int32_t>()(0), seed.flat<int32_t>()(1));
    const T* in = context->input(0).flat<T>().data();
    T* out = y->flat<T>().data();
    const int64_t size = y->NumElements();
    const auto chunks = [&](int64_t first, int64_t end) {
      uint32_t words[4][kGroups];
      float x[kChunk], made[kChunk];
      for (int64_t chunk = first; chunk < end; chunk++) {
        const int64_t at = chunk * kChunk, n = std::min(kChunk, size - at);
        philox(state, static_cast<uint32_t>(chunk * kGroups), words);
        float* to = place(out + at, made);
        masked(read(in + at, n, x), words, n, kept_, factor_, to);
        written(to, n, out + at);
      }
    };
    const auto* workers = context->device()->tensorflow_cpu_worker_threads();
    tensorflow::Shard(workers->num_threads, workers->workers, (size + kChunk - 1) / kChunk, kChunk * 2, chunks);
  }

 private:
  float kept_, factor_;
};

WIDEST void scaled(const float* x, int64_t n, float scale, float* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) y[i] = x[i] * scale;
}

WIDEST void scaledSum(const float* a, const float* b, int64_t n, float scale, float* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) y[i] = (a[i] + b[i]) * scale;
}

template <typename T>
class ScaledSum : public OpKernel {
 public:
  explicit ScaledSum(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("scale", &scale_));
  }

  void Compute(OpKernelContext* context) override {
    const bool two = context->num_inputs() == 2;
    const Tensor &first = context->input(0), &last = context->input(two ? 1 : 0);
    OP_REQUIRES(context, context->num_inputs() <= 2 && first.shape() == last.shape(),
                tensorflow::errors::InvalidArgument("ScaledSum: one input, or two of one shape"));
    Tensor* y;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({0}, 0, first.shape(), &y));
    const T *a = first.flat<T>().data(), *b = last.flat<T>().data();
    T* out = y->flat<T>().data();
    const int64_t size = y->NumElements();
    const auto chunks = [&](int64_t begin, int64_t end) {
      float roomA[kChunk], roomB[kChunk], made[kChunk];
      for (int64_t at = begin * kChunk; at < std::min(size, end * kChunk); at += kChunk) {
        const int64_t n = std::min(kChunk, size - at);
        const float* x = read(a + at, n, roomA);
        float* to = place(out + at, made);
        if (two) scaledSum(x, read(b + at, n, roomB), n, scale_, to);
        else scaled(x, n, scale_, to);
        written(to, n, out + at);
      }
    };
    const auto* workers = context->device()->tensorflow_cpu_worker_threads();
    tensorflow::Shard(workers->num_threads, workers->workers, (size + kChunk - 1) / kChunk, kChunk, chunks);
  }

 private:
  float scale_;
};

WIDEST void addPixels(const float* __restrict x, int64_t pixels, int64_t C, float* __restrict sum) {
  for (int64_t p = 0; p < pixels; p++, x += C) {
    for (int64_t c = 0; c < C; c++) sum[c] += x[c];
  }
}

template <typename T>
class PixelSum : public OpKernel {
 public:
  explicit PixelSum(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("images", &images_));
    OP_REQUIRES_OK(construction, construction->GetAttr("keep_dims", &keep_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES(context, x.dims() >= 1 && (!images_ || x.dims() == 4),
                tensorflow::errors::InvalidArgument("PixelSum: x has the shape ", x.shape().DebugString()));
    const int64_t C = x.dim_size(x.dims() - 1), rows = C == 0 ? 0 : x.NumElements() / C;
    // Parts that one thread sums: images, else blocks of the rows.
    const int64_t parts = images_ ? x.dim_size(0) : (rows + kPart - 1) / kPart;
    const int64_t each = images_ ? x.dim_size(1) * x.dim_size(2) : kPart;
    std::vector<double> sums(parts * C);
    const T* in = x.flat<T>().data();
    const auto some = [&](int64_t first, int64_t end) {
      std::vector<float> room(roomOf<T>(kBlock * C)), block(C);
      for (int64_t part = first; part < end; part++) {
        const int64_t last = std::min(rows, (part + 1) * each);
        for (int64_t p = part * each; p < last; p += kBlock) {
          const int64_t n = std::min(kBlock, last - p);
          std::fill(block.begin(), block.end(), 0.0f);
          addPixels(read(in + p * C, n * C, room.data()), n, C, block.data());
          for (int64_t c = 0; c < C; c++) sums[part * C + c] += block[c];
        }
      }
    };
    const auto* workers = context->device()->tensorflow_cpu_worker_threads();
    tensorflow::Shard(workers->num_threads, workers->workers, parts, each * C, some);
    TensorShape shape({C});
    if (images_ && !keep_) shape = TensorShape({parts, C});
    if (images_ && keep_) shape = TensorShape({parts, 1, 1, C});
    Tensor* total;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &total));
    float* out = total->flat<float>().data();
    for (int64_t i = 0; images_ && i < parts * C; i++) out[i] = sums[i];
    for (int64_t c = 0; !images_ && c < C; c++) {
      double sum = 0;
      for (int64_t part = 0; part < parts; part++) sum += sums[part * C + c];
      out[c] = sum;
    }
  }

 private:
  static constexpr int64_t kPart = 1024;
  bool images_, keep_;
};

}  // namespace

REGISTER_OP("ScoreStreamDropout")
    .Input("x: T")
    .Input("seed: int32")
    .Output("y: T")
    .Attr("T: {float, bfloat16}")
    .Attr("kept: float")
    .Attr("factor: float")
    .SetShapeFn([](InferenceContext* c) {
      c->set_output(0, c->input(0));
      return absl::OkStatus();
    });

REGISTER_OP("ScoreStreamScaledSum")
    .Input("x: N * T")
    .Output("y: T")
    .Attr("T: {float, bfloat16}")
    .Attr("N: int >= 1")
    .Attr("scale: float")
    .SetShapeFn([](InferenceContext* c) {
      c->set_output(0, c->input(0));
      return absl::OkStatus();
    });

REGISTER_OP("ScoreStreamPixelSum")
    .Input("x: T")
    .Output("sum: float")
    .Attr("T: {float, bfloat16}")
    .Attr("images: bool = false")
    .Attr("keep_dims: bool = false")
    .SetShapeFn([](InferenceContext* c) {
      bool images, keep;
      TF_RETURN_IF_ERROR(c->GetAttr("images", &images));
      TF_RETURN_IF_ERROR(c->GetAttr("keep_dims", &keep));
      const ShapeHandle x = c->input(0);
      const auto C = c->RankKnown(x) ? c->Dim(x, -1) : c->UnknownDim();
      const auto B = c->RankKnown(x) ? c->Dim(x, 0) : c->UnknownDim();
      if (!images) c->set_output(0, c->MakeShape({C}));
      else if (keep) c->set_output(0, c->MakeShape({B, c->MakeDim(1), c->MakeDim(1), C}));
      else c->set_output(0, c->MakeShape({B, C}));
      return absl::OkStatus();
    });

#define REGISTER(Name_, Class, Type) \
  REGISTER_KERNEL_BUILDER(Name(Name_).Device(tensorflow::DEVICE_CPU).TypeConstraint<Type>("T"), Class<Type>)
REGISTER("ScoreStreamDropout", Dropout, float);
REGISTER("ScoreStreamDropout", Dropout, bfloat16);
REGISTER("ScoreStreamScaledSum", ScaledSum, float);
REGISTER("ScoreStreamScaledSum", ScaledSum, bfloat16);
REGISTER("ScoreStreamPixelSum", PixelSum, float);
REGISTER("ScoreStreamPixelSum", PixelSum, bfloat16);
