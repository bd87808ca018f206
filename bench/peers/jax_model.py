"""DDPM++ in JAX as functions of a dictionary of parameters under the reference's names, NHWC."""
import math

import jax
import jax.numpy as jnp
from jax import lax

SQRT_HALF = math.sqrt(0.5)


def convolution(p, name, x):
    y = lax.conv_general_dilated(x, p[f"{name}/kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + p[f"{name}/bias"]


def dense(p, name, x, kernel="kernel", bias="bias"):
    return x @ p[f"{name}/{kernel}"] + p[f"{name}/{bias}"]


def group_norm(p, name, x):
    b, height, width, c = x.shape
    groups = min(c // 4, 32)
    grouped = x.reshape(b, height * width, groups, c // groups)
    mean = jnp.mean(grouped, (1, 3), keepdims=True)
    variance = jnp.var(grouped, (1, 3), keepdims=True)
    normalized = ((grouped - mean) * lax.rsqrt(variance + 1e-6)).reshape(x.shape)
    return normalized * p[f"{name}/scale"] + p[f"{name}/bias"]


def up(x):
    return jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)


def down(x):
    b, height, width, c = x.shape
    return jnp.mean(x.reshape(b, height // 2, 2, width // 2, 2, c), (2, 4))


def keep(x, rate, key):
    if rate == 0:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def block(p, name, x, time, rate, key, resize=lambda x: x):
    h = convolution(p, f"{name}/Conv_0", resize(jax.nn.silu(group_norm(p, f"{name}/GroupNorm_0", x))))
    h = h + dense(p, f"{name}/Dense_0", time)[:, None, None, :]
    h = keep(jax.nn.silu(group_norm(p, f"{name}/GroupNorm_1", h)), rate, key)
    h = convolution(p, f"{name}/Conv_1", h)
    x = resize(x)
    if f"{name}/Conv_2/kernel" in p:
        x = convolution(p, f"{name}/Conv_2", x)
    return (x + h) * SQRT_HALF


def attention(p, name, x):
    b, height, width, c = x.shape
    h = group_norm(p, f"{name}/GroupNorm_0", x).reshape(b, height * width, c)
    query, key, value = (dense(p, f"{name}/NIN_{i}", h, "W", "b") for i in range(3))
    weights = jax.nn.softmax(jnp.einsum("bqc,bkc->bqk", query, key) * c**-0.5)
    h = jnp.einsum("bqk,bkc->bqc", weights, value)
    return (x + dense(p, f"{name}/NIN_3", h, "W", "b").reshape(x.shape)) * SQRT_HALF


def positional_embedding(t, dim):
    half = dim // 2
    frequencies = jnp.exp(jnp.arange(half, dtype=jnp.float32) * (-math.log(10000) / (half - 1)))
    angles = t[:, None] * frequencies[None]
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], 1)


def apply(p, options, x, condition, rate, key):
    """The network's output for x [B, H, W, C] and the time condition [B]."""
    multipliers, blocks = options["chMult"], options["numResBlocks"]
    time = jax.nn.silu(dense(p, "Dense_0", positional_embedding(condition, options["nf"])))
    time = jax.nn.silu(dense(p, "Dense_1", time))
    counts = {"block": 0, "attention": 0}

    def next_block(h, *resize):
        i = counts["block"]
        counts["block"] += 1
        return block(p, f"ResnetBlockBigGANpp_{i}", h, time, rate, jax.random.fold_in(key, i), *resize)

    def next_attention(h):
        counts["attention"] += 1
        return attention(p, f"AttnBlockpp_{counts['attention'] - 1}", h)

    h = convolution(p, "Conv_0", x)
    skips = [h]
    for level in range(len(multipliers)):
        for _ in range(blocks):
            h = next_block(h)
            if h.shape[1] in options["attnResolutions"]:
                h = next_attention(h)
            skips.append(h)
        if level < len(multipliers) - 1:
            h = next_block(h, down)
            skips.append(h)
    h = next_block(next_attention(next_block(h)))
    for level in reversed(range(len(multipliers))):
        for _ in range(blocks + 1):
            h = next_block(jnp.concatenate([h, skips.pop()], 3))
        if h.shape[1] in options["attnResolutions"]:
            h = next_attention(h)
        if level > 0:
            h = next_block(h, up)
    return convolution(p, "Conv_1", jax.nn.silu(group_norm(p, "GroupNorm_0", h)))
