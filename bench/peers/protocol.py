"""What every peer program of the bench has in common: the case file, the requests, and the measurements."""
import json
import os
import resource
import sys
import time

from safetensors import safe_open

# Libraries of the CUDA build that a run on the CPU maps and does not use.
CUDA = ("/nvidia/", "libtorch_cuda", "libc10_cuda", "libcaffe2_nvrtc")


def read_case(path):
    """Configuration and arrays by name of a case file."""
    with safe_open(path, "numpy") as file:
        config = {name: json.loads(text) for name, text in file.metadata().items()}
        return config, {name: file.get_tensor(name) for name in file.keys()}


def cpu_seconds():
    """Processor time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measured(run):
    """What `run` returned, with its wall and processor seconds."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = run()
    return {**result, "wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}


def memory(_request):
    """Peak of the resident memory in bytes (VmHWM), without and with the CUDA libraries."""
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    cuda, counted = 0, False
    with open("/proc/self/smaps") as maps:
        for line in maps:
            field = line.split()
            if "-" in field[0]:
                counted = any(name in line for name in CUDA)
            elif field[0] == "Rss:" and counted:
                cuda += int(field[1]) * 1024
    return {"peak": peak - cuda, "unusedLibraries": cuda}


def serve(handlers):
    """Answers requests, one line of JSON each, until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not look like an answer
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"memory": memory, **handlers}[request["do"]](request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
