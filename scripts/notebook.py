"""Runs a notebook with Deno's own kernel: `python notebook.py NOTEBOOK IMAGES`, which must show that many pictures."""

import json, os, sys, tempfile

import nbformat
from nbclient import NotebookClient

path, pictures = sys.argv[1], int(sys.argv[2])
with tempfile.TemporaryDirectory() as data:
    kernel = os.path.join(data, "kernels", "deno")
    os.makedirs(kernel)
    argv = json.loads(os.environ["DENO"]) + ["jupyter", "--kernel", "--conn", "{connection_file}"]
    with open(os.path.join(kernel, "kernel.json"), "w") as file:
        json.dump({"argv": argv, "display_name": "Deno", "language": "typescript"}, file)
    os.environ["JUPYTER_DATA_DIR"] = data
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": os.path.dirname(os.path.abspath(path))}}
    NotebookClient(notebook, timeout=240, kernel_name="deno", resources=resources).execute()

outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
for output in outputs:
    print(output.get("text") or {kind: value[:60] for kind, value in output.get("data", {}).items()})
shown = sum("image/png" in output.get("data", {}) for output in outputs)
if shown != pictures:
    sys.exit(f"{path} showed {shown} pictures, not {pictures}")
