"""Takes out of wheels what the engine needs: `unpack.py FOLDER HEADER,... WHEEL ...`.

Of TensorFlow: its two libraries, and the headers that the named ones include, directly or not. Of every other wheel:
all but headers, static libraries and Python.
"""
import os
import posixpath
import re
import shutil
import sys
import zipfile

LIBRARY = re.compile(r"tensorflow/libtensorflow_(cc|framework)\.(so\.2|2\.dylib)$")
INCLUDE = re.compile(rb'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
ROOTS = ["tensorflow/include", "tensorflow/include/external/local_xla", "tensorflow/include/external/local_tsl"]


def headers(wheel, wanted):
    """Names of the headers in the wheel that the wanted ones need; others are the system's."""
    names = set(wheel.namelist())
    found = set()
    pending = [(header, ROOTS) for header in wanted]
    while pending:
        header, folders = pending.pop()
        name = next((name for name in (posixpath.normpath(posixpath.join(folder, header)) for folder in folders) if name in names), None)
        if name is None or name in found:
            continue
        found.add(name)
        folders = [posixpath.dirname(name), *ROOTS]
        pending += [(include.decode(), folders) for include in INCLUDE.findall(wheel.read(name))]
    return found


def members(wheel, wanted):
    names = [name for name in wheel.namelist() if not name.endswith("/")]
    libraries = [name for name in names if LIBRARY.match(name)]
    if libraries:
        return libraries + sorted(headers(wheel, wanted))
    return [name for name in names if "/include/" not in name and not name.endswith((".a", ".h", ".py"))]


def extract(wheel, name, folder):
    path = os.path.normpath(os.path.join(folder, name))
    if not path.startswith(os.path.join(folder, "")):
        raise ValueError("a path that leads out of the folder: " + name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with wheel.open(name) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())
    mode = wheel.getinfo(name).external_attr >> 16 & 0o777
    os.chmod(path, mode | 0o644)


def main(folder, wanted, *wheels):
    folder = os.path.abspath(folder)
    for path in wheels:
        with zipfile.ZipFile(path) as wheel:
            for name in members(wheel, wanted.split(",")):
                extract(wheel, name, folder)


main(*sys.argv[1:])
