"""PyTorch on the CPU, eager or compiled: python torch_peer.py CASE DROPOUT THREADS eager|compile [bfloat16]."""
import sys

import torch

from flow import Flow
from protocol import measured, read_case, serve
from torch_model import from_case

path, dropout, threads, mode, *precision = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.manual_seed(0)
config, arrays = read_case(path)
optim = config["optim"]
model = from_case(config, arrays, float(dropout))
parameters = list(model.parameters())
ema = [p.detach().clone() for p in parameters]
optimizer = torch.optim.Adam(
    parameters, lr=optim["lr"], betas=(optim["beta1"], optim["beta2"]), eps=optim["eps"], fused=True
)


def images(array):
    """[B, H, W, C] without a copy as [B, C, H, W], channels last."""
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def loss_of(x, z, condition, scale, weight):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == ["bfloat16"]):
        out = model(x, condition)
    out = out.float()
    return torch.mean(torch.mean((out * scale[:, None, None, None] + z) ** 2, (1, 2, 3)) * weight)


loss_function = torch.compile(loss_of) if mode == "compile" else loss_of
steps_done = 0


def step():
    global steps_done
    i = steps_done % len(arrays["perturbed"])
    steps_done += 1
    x, z = images(arrays["perturbed"][i]), images(arrays["noise"][i])
    vectors = (torch.from_numpy(arrays[name][i]) for name in ("timeCondition", "outputScale", "weight"))
    optimizer.zero_grad(set_to_none=True)
    loss = loss_function(x, z, *vectors)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, optim["gradClip"])
    optimizer.step()
    torch._foreach_lerp_(ema, parameters, 1 - config["emaRate"])
    return loss.item()


flow = Flow(config["model"]["betaMin"], config["model"]["betaMax"])


def condition_of(x, t):
    return torch.full((len(x),), 999 * t)


@torch.no_grad()
def network(x, t):
    return model(images(x), condition_of(x, t)).permute(0, 2, 3, 1).numpy()


def network_and_divergence(x, t, probe):
    x, probe = images(x).requires_grad_(True), images(probe)
    out = model(x, condition_of(x, t))
    (product,) = torch.autograd.grad(out, x, probe)
    divergence = torch.sum(product * probe, (1, 2, 3))
    return out.detach().permute(0, 2, 3, 1).numpy(), divergence.numpy()


def train(request):
    model.train()
    return measured(lambda: {"losses": [step() for _ in range(request["steps"])]})


def likelihood(request):
    model.eval().requires_grad_(False)

    def run():
        data, probe = arrays["data"], arrays["probe"]
        logp, evaluations = flow.log_likelihood(network_and_divergence, data, probe, request["eps"], request["tolerance"])
        return {"values": logp.tolist(), "evaluations": evaluations}

    return measured(run)


def sample(request):
    model.eval()

    def run():
        samples, evaluations = flow.sample(network, arrays["latent"], request["eps"], request["tolerance"])
        return {"values": samples.reshape(len(samples), -1).mean(1).tolist(), "evaluations": evaluations}

    return measured(run)


def about(_request):
    return {"name": "PyTorch", "version": torch.__version__, "parameters": sum(p.numel() for p in parameters)}


serve({"about": about, "train": train, "likelihood": likelihood, "sample": sample})
