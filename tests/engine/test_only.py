from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from scorebench import UserError
from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import prepare
from scorebench.engine.only import check_alone, only
from scorebench.running.plan import Plan, make_plan
from scorebench.running.workbench import Workbench
from scorebench.store import Store
from scorebench.suite.load import load_suite

FINGERPRINTS = ("aaaaaa11", "aaaaaa12", "abcdef01", "0123456789")


@pytest.fixture
def plan(small_suite: dict[str, Any], write_suite: Callable[..., Path]) -> Plan:
    """The small suite's four cells under fingerprints that are easy to tell."""
    suite = load_suite(write_suite(small_suite))
    made = make_plan(Workbench(suite, torch.device("cpu")))
    cells = zip(made.cells, FINGERPRINTS, strict=True)
    return Plan(suite, tuple(replace(cell, fingerprint=name) for cell, name in cells))


def chosen(plan: Plan, *prefixes: str) -> list[str]:
    return [cell.fingerprint for cell in only(plan, prefixes).cells]


@pytest.mark.parametrize("prefix", ["abcdef", "ABCDEF0", "abcdef01"])
def test_a_beginning_stands_for_its_cell(plan: Plan, prefix: str) -> None:
    assert chosen(plan, prefix) == ["abcdef01"]


def test_cells_keep_the_order_of_the_plan_and_come_once(plan: Plan) -> None:
    assert chosen(plan, "012345", "aaaaaa12", "0123456") == ["aaaaaa12", "0123456789"]


@pytest.mark.parametrize("prefix", ["", "abcde", "abcdeg", "abcdef01!", "abc def"])
def test_less_than_six_digits_of_a_fingerprint_are_refused(plan: Plan, prefix: str) -> None:
    with pytest.raises(UserError, match=f"--only {prefix}: expected at least 6 hexadecimal"):
        only(plan, [prefix])


@pytest.mark.parametrize("prefix", ["999999", "abcdef010"])
def test_a_fingerprint_of_no_cell_is_told(plan: Plan, prefix: str) -> None:
    with pytest.raises(UserError, match=f"--only {prefix}: .*suite.yaml has no such cell"):
        only(plan, ["abcdef", prefix])


def test_a_beginning_of_several_cells_is_told_with_one_of_them(plan: Plan) -> None:
    with pytest.raises(UserError, match=r"2 cells begin so; .*aaaaaa11"):
        only(plan, ["aaaaaa"])


def write(store: Store, *fingerprints: str) -> None:
    cells = [{"fingerprint": fingerprint, "columns": {}} for fingerprint in fingerprints]
    store.begin("", {"suite": "small", "better": {}, "cells": cells})


def test_the_place_of_other_cells_is_not_taken(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "r")
    check_alone(store, plan)
    write(store, *FINGERPRINTS)
    check_alone(store, plan)
    with pytest.raises(UserError, match=r"would drop the 3 other cells of .*r from its table"):
        check_alone(store, only(plan, ["abcdef"]))
    write(store, "abcdef01", "ffffffff")
    with pytest.raises(UserError, match=r"the 1 other cell of .*; name another directory with --r"):
        check_alone(store, only(plan, ["abcdef"]))
    write(store, "abcdef01")
    check_alone(store, only(plan, ["abcdef", "aaaaaa12"]))


def test_what_has_ended_is_not_run_again(
    small_suite: dict[str, Any], write_suite: Callable[..., Path], tmp_path: Path
) -> None:
    suite = load_suite(write_suite(small_suite))
    wanted = prepare(suite, results=tmp_path / "r", device="cpu").plan.cells[2].fingerprint
    drive = prepare(
        suite,
        results=tmp_path / "r",
        device="cpu",
        cells=[wanted[:8]],
        engine=EngineOptions(name="inline"),
    )
    assert [cell.fingerprint for cell, _ in drive.run()] == [wanted]
    assert drive.all_ok
    again = prepare(suite, results=tmp_path / "r", device="cpu", cells=[wanted])
    assert again.pending == []
    assert again.all_ok
