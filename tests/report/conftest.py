"""Results directories with made-up rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scorebench.store import Store

Row = Mapping[str, Any]
BETTER = {"fid": "lower", "recall": "higher"}
EMPTY: Mapping[str, Any] = {}
ROLES = ("model", "schedule", "sampler")


@pytest.fixture
def write_results(tmp_path: Path) -> Callable[..., Path]:
    """Write a results directory; its rows have names, parameters and measurements in one."""

    def write(
        *rows: Row,
        name: str = "results",
        suite: str = "name: made_up\nfeatures: identity\nmetrics: [fid]\n",
        better: Mapping[str, str] = BETTER,
        unfinished: int = 0,
        plan: Mapping[str, Any] = EMPTY,
    ) -> Path:
        store = Store(tmp_path / name)
        cells, records = [], []
        for i, row in enumerate(rows):
            full = {"model": "gaussian", "schedule": "karras", "sampler": "heun", **row}
            traceback = full.pop("traceback", None)
            columns = {k: v for k, v in full.items() if k.partition(".")[0] in ROLES}
            seed = row.get("repeat", 0)
            measured = {
                "repeat": seed,
                "seed": seed,
                "samples": 100,
                "nfe": 10,
                "status": "ok",
                "error": None,
                "seconds": 1.5,
                "device": "cpu",
                "fingerprint": f"{i:032x}",
                **{k: v for k, v in full.items() if k not in columns},
            }
            cells.append({"fingerprint": measured["fingerprint"], "columns": columns})
            records.append({"row": measured, "columns": columns, "traceback": traceback})
        cells += [{"fingerprint": f"f{i:031x}", "columns": {}} for i in range(unfinished)]
        store.begin(suite, {"suite": "made_up", "better": better, "cells": cells, **plan})
        for record in records:
            store.write_cell(record)
        return store.folder

    return write
