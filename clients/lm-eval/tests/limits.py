"""Acceptance: programs of a model run within limits, and only those that keep their assertions to the end pass.

    python limits.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tasks"))

from execution import pass_at_k, passes  # noqa: E402

PASS = [
    "x = 1",
    "print('x' * 10**7)",  # output goes nowhere
    "import os\nassert os.listdir() == [] and 'HOME' not in os.environ",
]
FAIL = [
    "assert False",
    "x = (",
    "import sys\nsys.exit(0)",
    "import os\nos._exit(0)",
    "while True: pass",
    "import time\ntime.sleep(60)",
    "x = bytearray(1 << 30)",
    "open('f', 'wb').write(bytes(1 << 22))",
]

for program in PASS + FAIL:
    assert passes(program, seconds=3) == (program in PASS), program
assert [pass_at_k(4, passed, 1) for passed in (0, 1, 4)] == [0, 0.25, 1]
assert pass_at_k(4, 2, 2) == 1 - 1 / 6
print(f"all {len(PASS + FAIL)} programs ended as they should")
