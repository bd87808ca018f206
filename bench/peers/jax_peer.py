"""JAX on the CPU, jit: python jax_peer.py CASE DROPOUT THREADS."""
import os
import sys

path, dropout, threads = sys.argv[1:]
if threads == "1":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

from functools import partial

import jax
import jax.numpy as jnp

from jax_model import apply
from protocol import measured, read_case, serve

config, arrays = read_case(path)
optim, options, rate = config["optim"], config["model"], float(dropout)
parameters = {name[len("params/") :]: jnp.asarray(a) for name, a in arrays.items() if name.startswith("params/")}
zeros = jax.tree.map(jnp.zeros_like, parameters)
state = {"parameters": parameters, "ema": jax.tree.map(jnp.copy, parameters), "m": zeros, "v": jax.tree.map(jnp.copy, zeros)}


@partial(jax.jit, donate_argnums=0)
def update(state, count, batch):
    key = jax.random.fold_in(jax.random.PRNGKey(0), count)

    def loss_of(parameters):
        out = apply(parameters, options, batch["perturbed"], batch["timeCondition"], rate, key)
        difference = out * batch["outputScale"][:, None, None, None] + batch["noise"]
        return jnp.mean(jnp.mean(difference**2, (1, 2, 3)) * batch["weight"])

    loss, gradient = jax.value_and_grad(loss_of)(state["parameters"])
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
    clip = optim["gradClip"] / jnp.maximum(norm, optim["gradClip"])
    gradient = jax.tree.map(lambda g: g * clip, gradient)
    m = jax.tree.map(lambda m, g: optim["beta1"] * m + (1 - optim["beta1"]) * g, state["m"], gradient)
    v = jax.tree.map(lambda v, g: optim["beta2"] * v + (1 - optim["beta2"]) * g**2, state["v"], gradient)
    correction1 = 1 - optim["beta1"] ** (count + 1)
    correction2 = 1 - optim["beta2"] ** (count + 1)
    parameters = jax.tree.map(
        lambda p, m, v: p - optim["lr"] * (m / correction1) / (jnp.sqrt(v / correction2) + optim["eps"]),
        state["parameters"],
        m,
        v,
    )
    average = config["emaRate"]
    ema = jax.tree.map(lambda e, p: average * e + (1 - average) * p, state["ema"], parameters)
    return {"parameters": parameters, "ema": ema, "m": m, "v": v}, loss


steps_done = 0


def step():
    global state, steps_done
    i = steps_done % len(arrays["perturbed"])
    names = ("perturbed", "noise", "timeCondition", "outputScale", "weight")
    state, loss = update(state, steps_done, {name: arrays[name][i] for name in names})
    steps_done += 1
    return float(loss)


def train(request):
    def run():
        losses = [step() for _ in range(request["steps"])]
        jax.block_until_ready(state)
        return {"losses": losses}

    return measured(run)


def about(_request):
    return {"name": "JAX", "version": jax.__version__, "parameters": sum(p.size for p in state["parameters"].values())}


serve({"about": about, "train": train})
