"""Reads a prepared folder with the programs that people read Arrow files with, each by the line in docs/guide/own-data.md.

python3 -m venv venv && venv/bin/pip install pyarrow numpy datasets polars duckdb nanoarrow
npm run data -- prepare --format cifar10 --out FOLDER
venv/bin/python lab/arrow-readers.py FOLDER

Compares the pixels of each image and each label with those at the places that a reader of bytes finds; prints a line a
program, and ends with 1 when one of them differs or fails.
"""

import importlib.metadata
import json
import os
import pathlib
import sys
import tempfile

import numpy as np
import pyarrow as pa

FOLDER = sys.argv[1]
os.environ.update(HF_HOME=tempfile.mkdtemp(), HF_HUB_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
manifest = json.loads(pathlib.Path(FOLDER, "train", "manifest.json").read_text())
SHAPE, LABELLED, NAMES = manifest["shape"], "classCounts" in manifest, manifest.get("classNames")
SHARDS = sorted(str(path) for path in pathlib.Path(FOLDER, "train").glob("*.arrow"))


def plain(table: pa.Table) -> tuple[np.ndarray, np.ndarray | None]:
    chunks = [getattr(chunk, "storage", chunk).flatten().to_numpy() for chunk in table["image"].chunks]
    images = np.concatenate(chunks).reshape(-1, *SHAPE)
    return images, table["label"].to_numpy() if LABELLED else None


# Our own mark: the footer's record batches, read as PyArrow has always read them.
IMAGES, LABELS = plain(pa.concat_tables([pa.ipc.open_file(path).read_all() for path in SHARDS]))


def pyarrow_dataset():
    import pyarrow.dataset

    table = pyarrow.dataset.dataset(f"{FOLDER}/train", format="arrow", exclude_invalid_files=True).to_table()
    assert table["image"].type.shape == SHAPE, table["image"].type
    assert table["image"].combine_chunks().to_numpy_ndarray().shape == (len(table), *SHAPE)
    return plain(table)


def pyarrow_stream():
    tables = [pa.ipc.open_stream(pa.py_buffer(pathlib.Path(path).read_bytes())[8:]).read_all() for path in SHARDS]
    return plain(pa.concat_tables(tables))


def nanoarrow():
    import nanoarrow.ipc

    tables = []
    for path in SHARDS:
        with nanoarrow.ipc.InputStream.from_readable(pathlib.Path(path).read_bytes()[8:]) as stream:
            tables.append(pa.table(pa.RecordBatchReader.from_stream(stream)))
    return plain(pa.concat_tables(tables))


def polars():
    import polars as pl

    return plain(pl.read_ipc(f"{FOLDER}/train/*.arrow").to_arrow())


def duckdb():
    import duckdb
    import pyarrow.dataset

    images = pyarrow.dataset.dataset(f"{FOLDER}/train", format="arrow", exclude_invalid_files=True)
    rows = duckdb.sql("select * from images").to_arrow_table()
    if LABELLED:
        counts = duckdb.sql("select label, count(*) from images group by label order by label").fetchall()
        assert [count for _, count in counts] == [count for count in manifest["classCounts"] if count]
    return plain(rows)


def hugging_face():
    from datasets import load_dataset

    data = load_dataset(FOLDER, split="train")
    if NAMES:
        assert data.features["label"].names == NAMES, data.features
    columns = data.with_format("numpy")
    images = np.concatenate([batch["image"] for batch in columns.iter(1000)]).reshape(-1, *SHAPE)
    return images, np.asarray(columns["label"][:]) if LABELLED else None


PROGRAMS = {
    "pyarrow": (pyarrow_dataset, pyarrow_stream),
    "nanoarrow": (nanoarrow,),
    "polars": (polars,),
    "duckdb": (duckdb,),
    "datasets": (hugging_face,),
}
failed = False
for package, readers in PROGRAMS.items():
    for reader in readers:
        name = f"{package} {importlib.metadata.version(package)}, {reader.__name__}"
        try:
            images, labels = reader()
            same = np.array_equal(images, IMAGES) and (not LABELLED or np.array_equal(labels, LABELS))
            print(f"{name}: {len(images)} images, {'the same' if same else 'OTHERS'}")
            failed |= not same
        except Exception as error:  # each program has its own
            print(f"{name}: {type(error).__name__}: {str(error)[:300]}")
            failed = True
sys.exit(failed)
