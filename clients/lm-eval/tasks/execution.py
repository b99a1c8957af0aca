"""Runs programs that a model wrote, and counts those that keep their assertions.

Each runs in a Python process of its own, in an empty folder that is deleted afterwards, without the caller's environment, with limits of
time, memory, processes and file size; its output goes nowhere. That stops accidents, not attacks: for models that you do not trust run the
whole evaluation in a container without network.
"""

import math
import os
import signal
import subprocess
import sys
import tempfile

SECONDS = 5
MEMORY_BYTES = 512 << 20
FILE_BYTES = 1 << 20
PROCESSES = 0  # beyond those that its user already has

LIMITS = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
if sys.platform != "darwin": # where the system knows the limit and refuses it
    resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES}, {MEMORY_BYTES}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE_BYTES}, {FILE_BYTES}))
resource.setrlimit(resource.RLIMIT_NPROC, ({PROCESSES}, {PROCESSES}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
exec(compile(sys.stdin.read(), "program", "exec"), {{"__name__": "__main__"}})
"""


def passes(program, seconds=SECONDS):
    """Whether a program reaches its end, in time and within its limits."""
    # What counts is a word that only the end of the program writes: one that exits early has not passed.
    word = os.urandom(16).hex()
    with tempfile.TemporaryDirectory(prefix="slayer-code-") as folder:
        read, write = os.pipe()
        ending = f"\nimport os as _os\n_os.write({write}, b'{word}')\n"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", LIMITS],
            cwd=folder,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[write],
            start_new_session=True,
        )
        os.close(write)
        try:
            process.communicate((program + ending).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        os.set_blocking(read, False)
        try:
            said = os.read(read, 64)
        except BlockingIOError:
            said = b""
        finally:
            os.close(read)
    return said == word.encode()


def pass_at_k(samples, passed, k):
    """Chance that k of the samples, drawn without putting back, hold one that passed."""
    if samples - passed < k:
        return 1.0
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def process_results(doc, results):
    """Programs are the prompt, a sample, and the assertions."""
    samples = results[0] if isinstance(results[0], list) else results
    passed = sum(passes(doc["prompt"] + sample + "\n\n" + doc["test"]) for sample in samples)
    return {"pass@1": pass_at_k(len(samples), passed, 1)}
