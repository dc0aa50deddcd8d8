# SPDX-License-Identifier: Apache-2.0
"""Run SCALE-Sim on dense matrix products: `python -S scalesim_runs.py FOLDER SIDE MxNxK ...`.

FOLDER: where scalesim, tqdm and a NumPy below 2.4 lie; "" for the interpreter's own packages.
Prints a JSON object: its version, and of each product [M, K] . [K, N] on an array of SIDE x SIDE
the cycles with output and with weight stationary dataflow, memory stalls included (there are none:
the bandwidth is what the array asks for). A process of its own, since its NumPy is.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

CONFIG = """\
[general]
run_name = run
[architecture_presets]
ArrayHeight = {side}
ArrayWidth = {side}
IfmapSramSzkB = 1024
FilterSramSzkB = 1024
OfmapSramSzkB = 1024
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = {dataflow}
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""


def cycles(side: int, dataflow: str, shape: str, folder: Path) -> dict[str, int]:
    """Of one product: `cycles` without the first prefetch, `stalls` of them."""
    from scalesim.scale_sim import scalesim

    rows, columns, reduction = (int(extent) for extent in shape.split("x"))
    files = {
        "config": CONFIG.format(side=side, dataflow=dataflow),
        "topology": f"Layer,M,N,K,\nproduct,{rows},{columns},{reduction},\n",
        "layout": "Layer,\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    given: dict[str, Any] = {name: str(folder / name) for name in files}
    silence = io.StringIO()
    with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        run = scalesim(save_disk_space=True, verbose=False, input_type_gemm=True, **given)
        run.run_scale(str(folder))
    (layer,) = run.runner.single_layer_sim_object_list
    report = layer.get_compute_report_items()
    return {"cycles": int(report[1]), "stalls": int(report[2])}


def main() -> None:
    """All products on both dataflows."""
    packages, side, *shapes = sys.argv[1:]
    if packages:
        sys.path.insert(0, packages)
    with tempfile.TemporaryDirectory() as name:
        found = {
            shape: {flow: cycles(int(side), flow, shape, Path(name)) for flow in ("os", "ws")}
            for shape in shapes
        }
    print(json.dumps({"version": version("scalesim"), "products": found}))


if __name__ == "__main__":
    main()
