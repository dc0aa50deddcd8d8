# SPDX-License-Identifier: Apache-2.0
"""A program as JSON, program.json in a bundle; equal programs give equal bytes.

* format: sat_host.stored_program.FORMAT; figures: "modelled", of all cycles and bytes
* array, clock_mhz, method, keep, batch, micro_batch: what the program is for
* cycles: of a step, all whole micro-batches and the updates
* memory: `banks` of `bank_bytes` each; `used`, bytes of each; `tensors`, each with its name
  (`<layer>.<role>`), bank, address and bytes, the address in bytes from the start of bank 0;
  `places`: for a result without a tensor of its own, the tensor whose place it takes
* layers: name and either the convolution (linear layers are 1 x 1) with N of what is pruned, or
  the sizes of a product of two activations
* products: layer, stage (FF, BP, WU), `runs` in a step, `copies` with `steps` words between them,
  `tensors` of A, B and Y, `product` (sat_host.product.Product, addresses in words of `lanes`
  binary16 values), `tiling` (sat_host.tiling.Tiling), `modelled` cycles, bytes by operand and bound
  of one run, `scratch`: the tensor of sums between the segments of a reduction, or null
* updates: layer, `update` (sat_host.program.Update without a step's factors), `modelled`
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sat_host.command_lists import Copies
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.errors import HostError
from sat_host.layer_shapes import ActivationLayer, LayerShape, WeightedLayer
from sat_host.program import Update
from sat_host.stored_program import FORMAT, product_fields, product_of, tiling_of

from ..errors import InputError
from .memory_map import MemoryMap, Tensor
from .program import Modelled, ProductEntry, Program, UpdateEntry

Json = dict[str, Any]


def dump_program(program: Program) -> str:
    """The content of program.json; ends with a newline."""
    memory = program.memory
    document = {
        "format": FORMAT,
        "figures": "modelled",
        "array": asdict(program.config),
        "clock_mhz": program.clock_mhz,
        "method": program.method,
        "keep": program.keep,
        "batch": program.batch,
        "micro_batch": program.micro_batch,
        "cycles": program.cycles,
        "memory": {
            "banks": memory.banks,
            "bank_bytes": memory.bank_bytes,
            "used": list(memory.used),
            "tensors": [asdict(tensor) for tensor in memory.tensors],
            "places": dict(memory.places),
        },
        "layers": [asdict(layer) for layer in program.layers],
        "products": [_product(entry) for entry in program.products],
        "updates": [
            {
                "layer": entry.layer,
                "update": asdict(entry.update),
                "modelled": _modelled(entry.modelled),
            }
            for entry in program.updates
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def load_program(text: str, file: str = "program.json") -> Program:
    """The inverse of `dump_program`. Raises InputError, one line that names the file."""
    try:
        return _program(json.loads(text))
    except KeyError as error:
        reason = f"{error} is missing"
    except (TypeError, ValueError, AttributeError, RecursionError, HostError) as error:
        reason = " ".join(str(error).split())
    raise InputError(f"{file}: no program of format {FORMAT} ({reason}): build the bundle again")


def _product(entry: ProductEntry) -> Json:
    return {
        "layer": entry.layer,
        "stage": entry.stage,
        "runs": entry.runs,
        "copies": entry.copies.count,
        "steps": list(entry.copies.steps),
        "tensors": list(entry.tensors),
        "product": product_fields(entry.product),
        "tiling": asdict(entry.tiling),
        "modelled": _modelled(entry.modelled),
        "scratch": entry.scratch,
    }


def _modelled(modelled: Modelled) -> Json:
    return {"cycles": modelled.cycles, "bytes": dict(modelled.bytes), "bound": modelled.bound}


def _program(document: Json) -> Program:
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']!r}")
    memory = document["memory"]
    return Program(
        ArrayConfig(**document["array"]),
        document["clock_mhz"],
        document["method"],
        document["keep"],
        document["batch"],
        document["micro_batch"],
        tuple(_layer(layer) for layer in document["layers"]),
        MemoryMap(
            memory["banks"],
            memory["bank_bytes"],
            tuple(Tensor(**tensor) for tensor in memory["tensors"]),
            tuple(memory["places"].items()),
        ),
        tuple(_product_entry(entry) for entry in document["products"]),
        tuple(
            UpdateEntry(entry["layer"], Update(**entry["update"]), _modelled_of(entry["modelled"]))
            for entry in document["updates"]
        ),
    )


def _layer(values: Json) -> LayerShape:
    if "shape" not in values:
        return ActivationLayer(**values)
    shape = dict(values["shape"])
    shape |= {name: tuple(shape[name]) for name in ("kernel", "stride", "padding")}
    return WeightedLayer(**{**values, "shape": Convolution(**shape)})


def _product_entry(values: Json) -> ProductEntry:
    a, b, y = values["tensors"]
    a_step, b_step, y_step = values["steps"]
    return ProductEntry(
        values["layer"],
        values["stage"],
        values["runs"],
        Copies(values["copies"], (a_step, b_step, y_step)),
        (a, b, y),
        product_of(values["product"]),
        tiling_of(values["tiling"]),
        _modelled_of(values["modelled"]),
        values["scratch"],
    )


def _modelled_of(values: Json) -> Modelled:
    return Modelled(values["cycles"], tuple(values["bytes"].items()), values["bound"])
