"""The FID's Inception-v3 in NumPy, with random weights and every channel count divided by WIDTH.

Usage: fid_inception.py FOLDER. Writes FOLDER/weights.safetensors with pytorch-fid's tensor names, and FOLDER/expected.npz:
images [N, H, W, C] uint8, and what the network says of them, pool_3 and logits (without fc.bias).

Written after torchvision's models/inception.py and pytorch-fid's patches of it; batch norm is a step of its own, means
are sums divided by counts, maps are [N, C, H, W], all in float64.
"""

import json
import struct
import sys

import numpy as np

WIDTH = 16
CLASSES = 10

rng = np.random.default_rng(2015)
tensors = {}


def weight(name, values):
    """Keeps the float32 values under the name; the network computes with what the file has."""
    tensors[name] = np.asarray(values, np.float32)
    return tensors[name].astype(np.float64)


def padded(x, h, w, value):
    return np.pad(x, ((0, 0), (0, 0), (h, h), (w, w)), constant_values=value)


def windows(x, size, stride):
    """[N, C, H', W', h, w]"""
    return np.lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))[:, :, ::stride, ::stride]


def conv(x, name, channels, size=(1, 1), stride=1, padding=(0, 0)):
    """BasicConv2d: convolution, batch norm with its running statistics, ReLU."""
    O, C = channels // WIDTH, x.shape[1]
    kernel = weight(f"{name}.conv.weight", rng.normal(0, np.sqrt(2 / (C * size[0] * size[1])), (O, C, *size)))
    y = np.einsum("nchwij,ocij->nohw", windows(padded(x, *padding, 0.0), size, stride), kernel, optimize=True)
    gamma = weight(f"{name}.bn.weight", rng.uniform(0.5, 1.5, O))[:, None, None]
    beta = weight(f"{name}.bn.bias", rng.normal(0, 0.2, O))[:, None, None]
    mean = weight(f"{name}.bn.running_mean", rng.normal(0, 0.2, O))[:, None, None]
    variance = weight(f"{name}.bn.running_var", rng.uniform(0.5, 1.5, O))[:, None, None]
    tensors[f"{name}.bn.num_batches_tracked"] = np.array(7, np.int64)
    return np.maximum((y - mean) / np.sqrt(variance + 0.001) * gamma + beta, 0)


def max_pool(x, stride, padding):
    return windows(padded(x, padding, padding, -np.inf), (3, 3), stride).max((4, 5))


def avg_pool(x):
    """count_include_pad=False"""
    count = windows(padded(np.ones_like(x), 1, 1, 0.0), (3, 3), 1).sum((4, 5))
    return windows(padded(x, 1, 1, 0.0), (3, 3), 1).sum((4, 5)) / count


def inception_a(x, m, pool_features):
    y1 = conv(x, m + "branch1x1", 64)
    y5 = conv(x, m + "branch5x5_1", 48)
    y5 = conv(y5, m + "branch5x5_2", 64, (5, 5), padding=(2, 2))
    y3 = conv(x, m + "branch3x3dbl_1", 64)
    y3 = conv(y3, m + "branch3x3dbl_2", 96, (3, 3), padding=(1, 1))
    y3 = conv(y3, m + "branch3x3dbl_3", 96, (3, 3), padding=(1, 1))
    pool = conv(avg_pool(x), m + "branch_pool", pool_features)
    return np.concatenate([y1, y5, y3, pool], 1)


def inception_b(x, m):
    y = conv(x, m + "branch3x3", 384, (3, 3), stride=2)
    z = conv(x, m + "branch3x3dbl_1", 64)
    z = conv(z, m + "branch3x3dbl_2", 96, (3, 3), padding=(1, 1))
    z = conv(z, m + "branch3x3dbl_3", 96, (3, 3), stride=2)
    return np.concatenate([y, z, max_pool(x, 2, 0)], 1)


def inception_c(x, m, c7):
    y1 = conv(x, m + "branch1x1", 192)
    y = conv(x, m + "branch7x7_1", c7)
    y = conv(y, m + "branch7x7_2", c7, (1, 7), padding=(0, 3))
    y = conv(y, m + "branch7x7_3", 192, (7, 1), padding=(3, 0))
    z = conv(x, m + "branch7x7dbl_1", c7)
    z = conv(z, m + "branch7x7dbl_2", c7, (7, 1), padding=(3, 0))
    z = conv(z, m + "branch7x7dbl_3", c7, (1, 7), padding=(0, 3))
    z = conv(z, m + "branch7x7dbl_4", c7, (7, 1), padding=(3, 0))
    z = conv(z, m + "branch7x7dbl_5", 192, (1, 7), padding=(0, 3))
    pool = conv(avg_pool(x), m + "branch_pool", 192)
    return np.concatenate([y1, y, z, pool], 1)


def inception_d(x, m):
    y = conv(x, m + "branch3x3_1", 192)
    y = conv(y, m + "branch3x3_2", 320, (3, 3), stride=2)
    z = conv(x, m + "branch7x7x3_1", 192)
    z = conv(z, m + "branch7x7x3_2", 192, (1, 7), padding=(0, 3))
    z = conv(z, m + "branch7x7x3_3", 192, (7, 1), padding=(3, 0))
    z = conv(z, m + "branch7x7x3_4", 192, (3, 3), stride=2)
    return np.concatenate([y, z, max_pool(x, 2, 0)], 1)


def inception_e(x, m, pool):
    y1 = conv(x, m + "branch1x1", 320)
    y = conv(x, m + "branch3x3_1", 384)
    ya = conv(y, m + "branch3x3_2a", 384, (1, 3), padding=(0, 1))
    yb = conv(y, m + "branch3x3_2b", 384, (3, 1), padding=(1, 0))
    z = conv(x, m + "branch3x3dbl_1", 448)
    z = conv(z, m + "branch3x3dbl_2", 384, (3, 3), padding=(1, 1))
    za = conv(z, m + "branch3x3dbl_3a", 384, (1, 3), padding=(0, 1))
    zb = conv(z, m + "branch3x3dbl_3b", 384, (3, 1), padding=(1, 0))
    return np.concatenate([y1, ya, yb, za, zb, conv(pool(x), m + "branch_pool", 192)], 1)


def bilinear(x, size):
    """torch.nn.functional.interpolate(mode="bilinear", align_corners=False) of one axis at a time."""
    for axis in (2, 3):
        n = x.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, None)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, n - 1)
        shape = [1] * x.ndim
        shape[axis] = size
        part = (at - low).reshape(shape)
        x = np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part
    return x


def network(images):
    x = bilinear(images.astype(np.float64).transpose(0, 3, 1, 2) / 255, 299) * 2 - 1
    x = conv(x, "Conv2d_1a_3x3", 32, (3, 3), stride=2)
    x = conv(x, "Conv2d_2a_3x3", 32, (3, 3))
    x = conv(x, "Conv2d_2b_3x3", 64, (3, 3), padding=(1, 1))
    x = max_pool(x, 2, 0)
    x = conv(x, "Conv2d_3b_1x1", 80)
    x = conv(x, "Conv2d_4a_3x3", 192, (3, 3))
    x = max_pool(x, 2, 0)
    for name, pool_features in [("5b", 32), ("5c", 64), ("5d", 64)]:
        x = inception_a(x, f"Mixed_{name}.", pool_features)
    x = inception_b(x, "Mixed_6a.")
    for name, c7 in [("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)]:
        x = inception_c(x, f"Mixed_{name}.", c7)
    x = inception_d(x, "Mixed_7a.")
    x = inception_e(x, "Mixed_7b.", avg_pool)
    x = inception_e(x, "Mixed_7c.", lambda y: max_pool(y, 1, 1))
    pool = x.mean((2, 3))
    fc = weight("fc.weight", rng.normal(0, 1 / np.sqrt(pool.shape[1]), (CLASSES, pool.shape[1])))
    weight("fc.bias", rng.normal(0, 1, CLASSES))
    return pool, pool @ fc.T


def save_safetensors(path):
    header, blobs, at = {}, [], 0
    for name, values in tensors.items():
        blob = values.tobytes()
        dtype = {"float32": "F32", "int64": "I64"}[str(values.dtype)]
        header[name] = {"dtype": dtype, "shape": values.shape, "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


if __name__ == "__main__":
    folder = sys.argv[1]
    images = rng.integers(0, 256, (3, 17, 32, 3), dtype=np.uint8)
    pool, logits = network(images)
    save_safetensors(f"{folder}/weights.safetensors")
    np.savez(f"{folder}/expected.npz", images=images, pool_3=pool, logits=logits)
