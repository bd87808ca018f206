"""Pillow and PyArrow as their users prepare a folder: PNG files into Arrow files of pixels, by two processes."""

import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

SHARD = 20_000


def shard(task):
    """One Arrow file of some images: their pixels and the index of their folder."""
    path, files, names = task
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    labels = [names[Path(file).parent.name] for file in files]
    images = pa.FixedSizeListArray.from_arrays(pa.array(pixels.reshape(-1)), pixels[0].size)
    table = pa.table({"image": images, "label": pa.array(labels, pa.int32())})
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1024)
    return len(files)


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:3])
    out.mkdir(parents=True)
    files = sorted(map(str, source.rglob("*.png")))
    names = {name: i for i, name in enumerate(sorted({Path(file).parent.name for file in files}))}
    parts = [files[at : at + SHARD] for at in range(0, len(files), SHARD)]
    tasks = [(str(out / f"shard-{i}.arrow"), part, names) for i, part in enumerate(parts)]
    with Pool(2) as pool:
        print(sum(pool.imap(shard, tasks)))
