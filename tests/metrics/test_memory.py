"""What a measure needs does not grow with the whole matrix of distances."""

from __future__ import annotations

import subprocess
import sys

import pytest

GROWN = """
import torch
import algan_lite as al
from algan_lite.metrics.distances import neighbor_scores

def peak():
    return next(int(line.split()[1]) / 1000 for line in open("/proc/self/status") if line.startswith("VmHWM"))

torch.set_num_threads(1)
cube = al.data.grid(side=10, spacing=0.5, std=0.05, dim=3)  # 1,000 modes
x = al.SENTINELS["uniform_box"](cube, 26_000, seed=[0, 1])
few, others = x[:, :6_000].double()
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
before = peak()
for _ in range(3):
    CALLS
print(peak() - before)
"""
CALLS = {
    "modes": 'al.METRICS["fair_mode_coverage"](x, cube), al.METRICS["quality_3sigma"](x, cube)',  # 416 MB at once
    "neighbors": "neighbor_scores(few, others)",  # three times 288 MB at once
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", CALLS)
def test_many_distances_need_little_memory(name: str) -> None:
    """Held together they would take 300 MB and more, and so they did, in holes that no block fitted into."""
    told = subprocess.run([sys.executable, "-c", GROWN.replace("CALLS", CALLS[name])], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert float(told.stdout) < 150  # MB
