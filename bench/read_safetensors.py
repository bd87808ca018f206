"""Reads a safetensors file that ScoreStream exported, with NumPy alone.

    npm run checkpoint -- export checkpoint_26 model.safetensors
    python3 bench/read_safetensors.py model.safetensors

`read(path)` gives the arrays by name. The names are the reference's: "params/<name>" are the parameters,
"params_ema/<name>" their average, "optimizer/state/param_states/<name>/grad_ema" and ".../grad_sq_ema" Adam's moments.
Run as a program it lists the parameters, and prints the SHA-256 that `npm run checkpoint -- inspect` and a run's JSON
give for them.
"""

import hashlib
import json
import math
import sys

import numpy as np

DTYPES = {
    "F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def read(path):
    """Returns the arrays by name, views on the mapped file, and the metadata."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    length = int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8 : 8 + length].tobytes())
    metadata = header.pop("__metadata__", {})
    values = data[8 + length :]
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        dtype = np.dtype(DTYPES[entry["dtype"]])
        if end - start != math.prod(entry["shape"]) * dtype.itemsize or end > values.size:
            raise ValueError(f"{path}: {name} is cut short")
        arrays[name] = values[start:end].view(dtype).reshape(entry["shape"])
    return arrays, metadata


def digest(arrays, prefix):
    """SHA-256 over the float32 arrays whose names begin with `prefix`, in the order of their names."""
    sha = hashlib.sha256()
    for name in sorted(name for name in arrays if name.startswith(prefix)):
        sha.update(np.ascontiguousarray(arrays[name], dtype="<f4").tobytes())
    return sha.hexdigest()


def main(path):
    arrays, metadata = read(path)
    names = sorted(name for name in arrays if name.startswith("params/"))
    for name in names:
        array = arrays[name]
        print(f"{name}  {list(array.shape)}  mean {array.mean():.6g}  std {array.std():.6g}")
    print(f"step        {int(arrays['step'])} ({metadata.get('step')} in the metadata)")
    print(f"count       {sum(arrays[name].size for name in names)} in {len(names)} tensors")
    print(f"parameters  {digest(arrays, 'params/')}")
    print(f"ema         {digest(arrays, 'params_ema/')}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
