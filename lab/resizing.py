"""Compares what `--size` makes of images with Pillow, kind by kind, and prints a table for docs/lab/data.md.

python lab/resizing.py, from the repository's root; needs numpy, pillow and pyarrow.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import PIL
import pyarrow as pa
from PIL import Image

PICTURES = 6


def picture(width: int, height: int, seed: int) -> np.ndarray:
    """Gradients, discs with sharp edges, stripes and noise, as photographs have them: [H, W, 3] of bytes."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(width, height)
    out = np.stack([x * draw.uniform(-1, 1) + y * draw.uniform(-1, 1) + draw.uniform(0.2, 0.8) for _ in range(3)], -1)
    for _ in range(12):
        a, b, r = draw.uniform(0, 1, 3)
        out[(x - a) ** 2 + (y - b) ** 2 < (0.15 * r) ** 2] = draw.uniform(0, 1, 3)
    stripes = np.sin(2 * np.pi * (x * draw.uniform(10, 300) + y * draw.uniform(10, 300)))
    out += 0.15 * stripes[..., None] + 0.04 * draw.standard_normal(out.shape)
    return (255 * out.clip(0, 1)).astype(np.uint8)


def jpeg(width: int, height: int, **options):
    return ".jpg", lambda i: Image.fromarray(picture(width, height, i)), dict(quality=90, **options)


def png(width: int, height: int, mode: str = "RGB"):
    return ".png", lambda i: Image.fromarray(picture(width, height, i)).convert(mode), {}


KINDS = {
    "JPEG of 4000 x 3000": (jpeg(4000, 3000), [32, 64, 256]),
    "JPEG of 2000 x 1500": (jpeg(2000, 1500), [32, 64]),
    "JPEG of 2000 x 1500, no subsampling": (jpeg(2000, 1500, subsampling=0), [64]),
    "JPEG of 500 x 375": (jpeg(500, 375), [32, 64]),
    "JPEG of 218 x 178": (jpeg(218, 178), [64]),
    "PNG of 2000 x 1500": (png(2000, 1500), [64]),
    "PNG of 500 x 375": (png(500, 375), [64]),
    "PNG of 500 x 375, grey": (png(500, 375, "L"), [64]),
    "PNG of 200 x 150": (png(200, 150), [64]),
    "PNG of 5 x 9, enlarged": (png(5, 9), [32]),
    "PNG of 300 x 300, enlarged": (png(300, 300), [512]),
    "JPEG of 500 x 375, CMYK": ((".jpg", lambda i: Image.fromarray(picture(500, 375, i)).convert("CMYK"), dict(quality=90)), [64]),
}


def expected(path: Path, size: int) -> np.ndarray:
    """The largest central square, resized by Pillow."""
    image = Image.open(path).convert("RGB")
    side = min(image.size)
    left, top = [(length - side) // 2 for length in image.size]
    square = image.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size, size), Image.BICUBIC))


def prepared(folder: Path, out: Path, size: int) -> np.ndarray:
    """The images that `prepare` writes, in the order of their names."""
    shutil.rmtree(out, ignore_errors=True)
    command = ["node", "scripts/run.mjs", "src/cli/data.ts", "prepare", "--format", "folder", "--from", str(folder)]
    subprocess.run([*command, "--out", str(out), "--size", str(size)], check=True, capture_output=True)
    train = out / "train"
    shape = json.loads((train / "manifest.json").read_text())["shape"]
    batches = [pa.ipc.open_file(pa.memory_map(str(file))).read_all() for file in sorted(train.glob("*.arrow"))]
    storage = [chunk.storage if hasattr(chunk, "storage") else chunk for table in batches for chunk in table["image"].chunks]
    return np.concatenate([np.asarray(chunk.flatten()).reshape(-1, *shape) for chunk in storage])


def main() -> None:
    print(f"Pillow {PIL.__version__}, {PICTURES} pictures of each kind\n")
    print("| pictures | `--size` | mean | 99.9 % of samples within | largest |\n| --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as scratch:
        for name, ((ending, draw, options), sizes) in KINDS.items():
            if len(sys.argv) > 1 and sys.argv[1] not in name:
                continue
            folder = Path(scratch) / "pictures"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for i in range(PICTURES):
                draw(i).save(folder / f"{i:02}{ending}", **options)
            for size in sizes:
                ours = prepared(folder, Path(scratch) / "out", size).astype(int)
                theirs = np.stack([expected(path, size) for path in sorted(folder.iterdir())])
                difference = np.abs(ours - theirs.reshape(ours.shape))
                few = np.quantile(difference, 0.999)
                print(f"| {name} | {size} | {difference.mean():.2f} | {few:.0f} | {difference.max()} |", flush=True)


main()
