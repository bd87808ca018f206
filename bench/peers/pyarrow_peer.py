"""PyArrow as a program of the bench: reads Arrow files whole, and at random."""

import json
import sys
import time

import numpy as np
import pyarrow as pa


def read(files):
    """Every file into memory of its own; the bytes of the images."""
    return sum(pa.ipc.open_file(pa.OSFile(file)).read_all()["image"].nbytes for file in files)


images = None


def shuffled(files, batch):
    """All rows once, in batches of random ones, out of memory: what is read stays."""
    global images
    if images is None:
        table = pa.concat_tables([pa.ipc.open_file(pa.OSFile(file)).read_all() for file in files])
        column = table["image"].combine_chunks()
        # Shards say that images are tensors; older ones have plain lists.
        images = getattr(column, "storage", column).flatten().to_numpy().reshape(len(column), -1)
    order = np.random.permutation(len(images))
    return sum(images[order[at : at + batch]].nbytes for at in range(0, len(order), batch))


for line in sys.stdin:
    request = json.loads(line)
    started = time.perf_counter()
    if request["do"] == "about":
        answer = {"version": pa.__version__}
    elif request["do"] == "read":
        answer = {"bytes": read(request["files"])}
    else:
        answer = {"bytes": shuffled(request["files"], request["batch"])}
    print(json.dumps({**answer, "wall": time.perf_counter() - started}), flush=True)
