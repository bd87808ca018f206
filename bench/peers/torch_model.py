"""DDPM++ in PyTorch: NCSN++ with BigGAN blocks, positional embedding and naive resampling, NCHW."""
import math

import torch
from torch import nn
from torch.nn import functional as F

SQRT_HALF = math.sqrt(0.5)


def group_norm(channels):
    return nn.GroupNorm(min(channels // 4, 32), channels, eps=1e-6)


class ResBlock(nn.Module):
    def __init__(self, channels, out, embedding, dropout, resample=None):
        super().__init__()
        self.resample = {
            None: nn.Identity(),
            "up": nn.Upsample(scale_factor=2, mode="nearest"),
            "down": nn.AvgPool2d(2),
        }[resample]
        self.norm0 = group_norm(channels)
        self.conv0 = nn.Conv2d(channels, out, 3, padding=1)
        self.time = nn.Linear(embedding, out)
        self.norm1 = group_norm(out)
        self.dropout = nn.Dropout(dropout)
        self.conv1 = nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out or resample else nn.Identity()

    def forward(self, x, time):
        h = self.conv0(self.resample(F.silu(self.norm0(x))))
        h = h + self.time(time)[:, :, None, None]
        h = self.conv1(self.dropout(F.silu(self.norm1(h))))
        return (self.shortcut(self.resample(x)) + h) * SQRT_HALF


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = group_norm(channels)
        self.query, self.key, self.value, self.out = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x):
        b, c, height, width = x.shape
        h = self.norm(x).permute(0, 2, 3, 1).reshape(b, 1, height * width, c)
        h = F.scaled_dot_product_attention(self.query(h), self.key(h), self.value(h))
        h = self.out(h).reshape(b, height, width, c).permute(0, 3, 1, 2)
        return (x + h) * SQRT_HALF


def positional_embedding(t, dim):
    half = dim // 2
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * (-math.log(10000) / (half - 1)))
    angles = t[:, None] * frequencies[None]
    return torch.cat([torch.sin(angles), torch.cos(angles)], 1)


class DDPMpp(nn.Module):
    """Takes x [B, C, H, W] and the time condition [B]."""

    def __init__(self, nf, multipliers, blocks, attention, image_size, channels, dropout):
        super().__init__()
        self.nf = nf
        self.embed0, self.embed1 = nn.Linear(nf, 4 * nf), nn.Linear(4 * nf, 4 * nf)
        self.first = nn.Conv2d(channels, nf, 3, padding=1)
        self.blocks, self.attentions = nn.ModuleList(), nn.ModuleList()
        self.plan = []  # what forward does: (action, index)
        width, size, skips = nf, image_size, [nf]

        def block(out, resample=None):
            nonlocal width
            self.plan.append(("block", len(self.blocks)))
            self.blocks.append(ResBlock(width, out, 4 * nf, dropout, resample))
            width = out

        def attend():
            self.plan.append(("attend", len(self.attentions)))
            self.attentions.append(Attention(width))

        def push():
            self.plan.append(("push", 0))
            skips.append(width)

        for level, multiplier in enumerate(multipliers):
            for _ in range(blocks):
                block(nf * multiplier)
                if size in attention:
                    attend()
                push()
            if level < len(multipliers) - 1:
                block(width, "down")
                size //= 2
                push()
        block(width)
        attend()
        block(width)
        for level in reversed(range(len(multipliers))):
            for _ in range(blocks + 1):
                self.plan.append(("pop", 0))
                width += skips.pop()
                block(nf * multipliers[level])
            if size in attention:
                attend()
            if level > 0:
                block(width, "up")
                size *= 2
        self.norm = group_norm(width)
        self.last = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, x, condition):
        time = F.silu(self.embed1(F.silu(self.embed0(positional_embedding(condition, self.nf)))))
        h = self.first(x)
        skips = [h]
        for action, index in self.plan:
            if action == "block":
                h = self.blocks[index](h, time)
            elif action == "attend":
                h = self.attentions[index](h)
            elif action == "push":
                skips.append(h)
            else:
                h = torch.cat([h, skips.pop()], 1)
        return self.last(F.silu(self.norm(h)))

    @torch.no_grad()
    def load(self, arrays):
        """Takes over parameters under the reference's names."""

        def put(module, name, kernel="kernel", bias="bias"):
            weight = torch.from_numpy(arrays[f"{name}/{kernel}"])
            if isinstance(module, nn.Conv2d):
                weight = weight.permute(3, 2, 0, 1)
            elif isinstance(module, nn.Linear):
                weight = weight.T
            module.weight.copy_(weight.reshape(module.weight.shape))
            module.bias.copy_(torch.from_numpy(arrays[f"{name}/{bias}"]).reshape(-1))

        put(self.embed0, "Dense_0")
        put(self.embed1, "Dense_1")
        put(self.first, "Conv_0")
        put(self.last, "Conv_1")
        put(self.norm, "GroupNorm_0", "scale")
        for i, block in enumerate(self.blocks):
            name = f"ResnetBlockBigGANpp_{i}"
            put(block.norm0, f"{name}/GroupNorm_0", "scale")
            put(block.norm1, f"{name}/GroupNorm_1", "scale")
            put(block.conv0, f"{name}/Conv_0")
            put(block.conv1, f"{name}/Conv_1")
            put(block.time, f"{name}/Dense_0")
            if isinstance(block.shortcut, nn.Conv2d):
                put(block.shortcut, f"{name}/Conv_2")
        for i, attention in enumerate(self.attentions):
            name = f"AttnBlockpp_{i}"
            put(attention.norm, f"{name}/GroupNorm_0", "scale")
            for j, layer in enumerate((attention.query, attention.key, attention.value, attention.out)):
                put(layer, f"{name}/NIN_{j}", "W", "b")


def from_case(config, arrays, dropout):
    """The model of a case file with its parameters, channels last."""
    options = config["model"]
    model = DDPMpp(
        options["nf"],
        options["chMult"],
        options["numResBlocks"],
        options["attnResolutions"],
        options["imageSize"],
        options["channels"],
        dropout,
    )
    model.load({name[len("params/") :]: a for name, a in arrays.items() if name.startswith("params/")})
    return model.to(memory_format=torch.channels_last)
