// GroupNorm and the swish behind it as one TensorFlow op each way, for CPUs: each image is read twice and written once,
// where a chain of TensorFlow's own ops takes seven passes over memory forwards and fourteen backwards.
//
//   ScoreStreamGroupNorm       x [B, H, W, C], scale, bias (C values) -> y, mean [B, groups], rstd [B, groups]
//   ScoreStreamGroupNormGrad   dy, x, scale, bias, mean, rstd         -> dx, dscale, dbias
//
// An image is computed by one thread, so that results do not depend on the number of threads.
#include "numbers.h"

#include <cmath>
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

// exp(x) to 2 ulp by 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes); in this form compilers vectorize it.
INLINE float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float n = (x * 1.44269504088896341f + round) - round;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

INLINE float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

// Adds x and x^2 of some pixels, per channel.
WIDEST void moments(const float* __restrict x, int64_t pixels, int64_t C, float* __restrict sum, float* __restrict squares) {
  for (int64_t p = 0; p < pixels; p++, x += C) {
    for (int64_t c = 0; c < C; c++) {
      sum[c] += x[c];
      squares[c] += x[c] * x[c];
    }
  }
}

WIDEST void affine(const float* __restrict x, int64_t pixels, int64_t C, const float* __restrict a,
                   const float* __restrict b, float* __restrict y) {
  for (int64_t p = 0; p < pixels; p++, x += C, y += C) {
    for (int64_t c = 0; c < C; c++) y[c] = a[c] * x[c] + b[c];
  }
}

WIDEST void affineSwish(const float* __restrict x, int64_t pixels, int64_t C, const float* __restrict a,
                        const float* __restrict b, float* __restrict y) {
  for (int64_t p = 0; p < pixels; p++, x += C, y += C) {
    for (int64_t c = 0; c < C; c++) {
      const float v = a[c] * x[c] + b[c];
      y[c] = v * sigmoid(v);
    }
  }
}

// The gradient at a x + b into `out`, and its sums, alone and times x, per channel.
WIDEST void swishGradient(const float* __restrict x, const float* __restrict dy, int64_t pixels, int64_t C,
                          const float* __restrict a, const float* __restrict b, float* __restrict out,
                          float* __restrict sum, float* __restrict product) {
  for (int64_t p = 0; p < pixels; p++, x += C, dy += C, out += C) {
    for (int64_t c = 0; c < C; c++) {
      const float v = a[c] * x[c] + b[c];
      const float s = sigmoid(v);
      const float d = dy[c] * (s * (v * (1.0f - s) + 1.0f));
      out[c] = d;
      sum[c] += d;
      product[c] += d * x[c];
    }
  }
}

WIDEST void plainGradient(const float* __restrict x, const float* __restrict dy, int64_t pixels, int64_t C,
                          float* __restrict sum, float* __restrict product) {
  for (int64_t p = 0; p < pixels; p++, x += C, dy += C) {
    for (int64_t c = 0; c < C; c++) {
      sum[c] += dy[c];
      product[c] += dy[c] * x[c];
    }
  }
}

// out = a d + slope x + offset, where `d` may be `out`.
WIDEST void combine(const float* x, const float* d, int64_t pixels, int64_t C, const float* __restrict a,
                    const float* __restrict slope, const float* __restrict offset, float* out) {
  for (int64_t p = 0; p < pixels; p++, x += C, d += C, out += C) {
#pragma GCC ivdep
    for (int64_t c = 0; c < C; c++) out[c] = d[c] * a[c] + x[c] * slope[c] + offset[c];
  }
}

struct Shape {
  int64_t B, pixels, C, groups, size;
  double count() const { return static_cast<double>(pixels * size); }
};

class Norm : public OpKernel {
 public:
  explicit Norm(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("groups", &groups_));
    OP_REQUIRES_OK(construction, construction->GetAttr("swish", &swish_));
  }

 protected:
  // Of x, the input `index`, with scale and bias behind it. False: the context has the error.
  bool shapeOf(OpKernelContext* context, int index, Shape* shape) const {
    const Tensor& x = context->input(index);
    const bool fits = x.dims() == 4 && groups_ > 0 && x.dim_size(3) % groups_ == 0 &&
                      context->input(index + 1).NumElements() == x.dim_size(3) &&
                      context->input(index + 2).NumElements() == x.dim_size(3);
    if (!fits) {
      context->SetStatus(tensorflow::errors::InvalidArgument("GroupNorm: x ", x.shape().DebugString(), ", ", groups_,
                                                             " groups and the numbers of scales and biases do not fit"));
      return false;
    }
    *shape = {x.dim_size(0), x.dim_size(1) * x.dim_size(2), x.dim_size(3), groups_, x.dim_size(3) / groups_};
    return true;
  }

  static void perImage(OpKernelContext* context, const Shape& shape, const std::function<void(int64_t)>& image) {
    const auto* workers = context->device()->tensorflow_cpu_worker_threads();
    const auto some = [&](int64_t first, int64_t end) {
      for (int64_t b = first; b < end; b++) image(b);
    };
    tensorflow::Shard(workers->num_threads, workers->workers, shape.B, shape.pixels * shape.C * 8, some);
  }

  int64_t groups_;
  bool swish_;
};

template <typename T>
class GroupNorm : public Norm {
 public:
  explicit GroupNorm(OpKernelConstruction* construction) : Norm(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("eps", &eps_));
  }

  void Compute(OpKernelContext* context) override {
    Shape shape;
    if (!shapeOf(context, 0, &shape)) return;
    Tensor *y, *mean, *rstd;
    OP_REQUIRES_OK(context, context->allocate_output(0, context->input(0).shape(), &y));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({shape.B, groups_}), &mean));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({shape.B, groups_}), &rstd));
    const T* x = context->input(0).flat<T>().data();
    const float* scale = context->input(1).flat<float>().data();
    const float* bias = context->input(2).flat<float>().data();
    const auto [B, pixels, C, groups, size] = shape;

    perImage(context, shape, [&, pixels = pixels, C = C, groups = groups, size = size](int64_t b) {
      const T* image = x + b * pixels * C;
      std::vector<float> room(roomOf<T>(kBlock * C));
      const auto total = sums(pixels, C, [&](int64_t p, int64_t n, float* sum, float* squares) {
        moments(read(image + p * C, n * C, room.data()), n, C, sum, squares);
      });
      std::vector<float> a(C), shift(C);
      for (int64_t g = 0; g < groups; g++) {
        double sum = 0, squares = 0;
        for (int64_t c = g * size; c < (g + 1) * size; c++) sum += total[c], squares += total[C + c];
        const double m = sum / shape.count();
        // E[x^2] - E[x]^2 as flax 0.3.3 has it.
        const double r = 1 / std::sqrt(squares / shape.count() - m * m + eps_);
        mean->flat<float>()(b * groups + g) = m;
        rstd->flat<float>()(b * groups + g) = r;
        for (int64_t c = g * size; c < (g + 1) * size; c++) a[c] = r * scale[c], shift[c] = bias[c] - m * r * scale[c];
      }
      T* out = y->flat<T>().data() + b * pixels * C;
      std::vector<float> made(roomOf<T>(kBlock * C));
      for (int64_t p = 0; p < pixels; p += kBlock) {
        const int64_t n = std::min(kBlock, pixels - p);
        float* block = place(out + p * C, made.data());
        (swish_ ? affineSwish : affine)(read(image + p * C, n * C, room.data()), n, C, a.data(), shift.data(), block);
        written(block, n * C, out + p * C);
      }
    });
  }

 private:
  float eps_;
};

template <typename T>
class GroupNormGrad : public Norm {
 public:
  using Norm::Norm;

  void Compute(OpKernelContext* context) override {
    Shape shape;
    if (!shapeOf(context, 1, &shape)) return;
    Tensor *dx, *dscale, *dbias;
    OP_REQUIRES(context, context->input(0).shape() == context->input(1).shape(),
                tensorflow::errors::InvalidArgument("GroupNormGrad: dy and x differ in shape"));
    for (int i : {4, 5}) {
      OP_REQUIRES(context, context->input(i).NumElements() == shape.B * groups_,
                  tensorflow::errors::InvalidArgument("GroupNormGrad: one mean and rstd for each image and group"));
    }
    OP_REQUIRES_OK(context, context->allocate_output(0, context->input(1).shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, context->input(2).shape(), &dscale));
    OP_REQUIRES_OK(context, context->allocate_output(2, context->input(3).shape(), &dbias));
    const auto in = [&](int i) { return context->input(i).flat<float>().data(); };
    const T *dy = context->input(0).flat<T>().data(), *x = context->input(1).flat<T>().data();
    const float *scale = in(2), *bias = in(3), *mean = in(4), *rstd = in(5);
    const auto [B, pixels, C, groups, size] = shape;
    // Of each image: the sums of d, and of d times the normalized x.
    std::vector<double> parts(B * 2 * C);

    perImage(context, shape, [&, pixels = pixels, C = C, groups = groups, size = size](int64_t b) {
      const int64_t at = b * pixels * C;
      T* out = dx->flat<T>().data() + at;
      // Floats of the whole image, which its second pass needs again.
      std::vector<float> images(roomOf<T>(2 * pixels * C));
      float* d = place(out, images.data());
      std::vector<float> room(roomOf<T>(kBlock * C));
      const auto xs = [&](int64_t p, int64_t n) { return read(x + at + p * C, n * C, images.data() + (pixels + p) * C); };
      std::vector<float> a(C), shift(C), slope(C), offset(C);
      for (int64_t c = 0; c < C; c++) {
        const int64_t g = b * groups + c / size;
        a[c] = rstd[g] * scale[c];
        shift[c] = bias[c] - mean[g] * rstd[g] * scale[c];
      }
      const auto total = sums(pixels, C, [&](int64_t p, int64_t n, float* sum, float* product) {
        const int64_t first = p * C;
        const float* from = read(dy + at + first, n * C, swish_ ? room.data() : images.data() + first);
        if (swish_) {
          swishGradient(xs(p, n), from, n, C, a.data(), shift.data(), d + first, sum, product);
        } else {
          plainGradient(xs(p, n), from, n, C, sum, product);
        }
      });
      double* sumD = parts.data() + b * 2 * C;
      double* sumDX = sumD + C;
      for (int64_t c = 0; c < C; c++) {
        const int64_t g = b * groups + c / size;
        sumD[c] = total[c];
        sumDX[c] = rstd[g] * (total[C + c] - mean[g] * total[c]);
      }
      for (int64_t g = 0; g < groups; g++) {
        double meanD = 0, meanDX = 0;
        for (int64_t c = g * size; c < (g + 1) * size; c++) meanD += sumD[c] * scale[c], meanDX += sumDX[c] * scale[c];
        const double m = mean[b * groups + g], r = rstd[b * groups + g];
        const double s = -r * r * meanDX / shape.count();
        for (int64_t c = g * size; c < (g + 1) * size; c++) slope[c] = s, offset[c] = -(r * meanD / shape.count() + m * s);
      }
      combine(kept(x + at, images.data() + pixels * C), swish_ ? d : kept(dy + at, images.data()), pixels, C, a.data(),
              slope.data(), offset.data(), d);
      written(d, pixels * C, out);
    });

    for (int64_t c = 0; c < C; c++) {
      double s = 0, d = 0;
      for (int64_t b = 0; b < B; b++) d += parts[b * 2 * C + c], s += parts[(b * 2 + 1) * C + c];
      dscale->flat<float>()(c) = s;
      dbias->flat<float>()(c) = d;
    }
  }
};

}  // namespace

REGISTER_OP("ScoreStreamGroupNorm")
    .Input("x: T")
    .Input("scale: float")
    .Input("bias: float")
    .Output("y: T")
    .Output("mean: float")
    .Output("rstd: float")
    .Attr("T: {float, bfloat16} = DT_FLOAT")
    .Attr("groups: int")
    .Attr("eps: float")
    .Attr("swish: bool")
    .SetShapeFn([](InferenceContext* c) {
      int64_t groups;
      TF_RETURN_IF_ERROR(c->GetAttr("groups", &groups));
      ShapeHandle x;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
      c->set_output(0, x);
      for (int i : {1, 2}) c->set_output(i, c->MakeShape({c->Dim(x, 0), c->MakeDim(groups)}));
      return absl::OkStatus();
    });

REGISTER_OP("ScoreStreamGroupNormGrad")
    .Input("dy: T")
    .Input("x: T")
    .Input("scale: float")
    .Input("bias: float")
    .Input("mean: float")
    .Input("rstd: float")
    .Output("dx: T")
    .Output("dscale: float")
    .Output("dbias: float")
    .Attr("T: {float, bfloat16} = DT_FLOAT")
    .Attr("groups: int")
    .Attr("swish: bool")
    .SetShapeFn([](InferenceContext* c) {
      for (int i : {0, 1, 2}) c->set_output(i, c->input(i + 1));
      return absl::OkStatus();
    });

#define REGISTER(Type)                                                                                         \
  REGISTER_KERNEL_BUILDER(Name("ScoreStreamGroupNorm").Device(tensorflow::DEVICE_CPU).TypeConstraint<Type>("T"), \
                          GroupNorm<Type>);                                                                    \
  REGISTER_KERNEL_BUILDER(Name("ScoreStreamGroupNormGrad").Device(tensorflow::DEVICE_CPU).TypeConstraint<Type>("T"), \
                          GroupNormGrad<Type>)
REGISTER(float);
REGISTER(bfloat16);
