from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scorebench import UserError
from scorebench.store import Store

PLAN = {
    "suite": "s",
    "better": {"fid": "lower"},
    "cells": [
        {"fingerprint": "aa", "columns": {"model": "m", "schedule": "c", "sampler": "x"}},
        {
            "fingerprint": "bb",
            "columns": {"model": "m", "schedule": "c", "sampler": "y", "sampler.steps": 3},
        },
    ],
}


def record(fingerprint: str, **row: Any) -> dict[str, Any]:
    made = {"repeat": 0, "seed": 0, "nfe": 3, "status": "ok", "seconds": 1.0, **row}
    return {"row": {**made, "fingerprint": fingerprint}, "columns": {}, "traceback": None}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "results")
    made.begin("name: s\n", PLAN)
    return made


def test_the_table_has_the_finished_cells_in_the_order_of_the_plan(store: Store) -> None:
    store.write_cell(record("bb", fid=2.0))
    assert store.table()["fingerprint"].tolist() == ["bb"]
    store.write_cell(record("aa", fid=1.0))
    table = store.table()
    assert table["fingerprint"].tolist() == ["aa", "bb"]
    assert table["sampler"].tolist() == ["x", "y"]
    assert table["fid"].tolist() == [1.0, 2.0]


def test_columns_stand_in_the_published_order(store: Store) -> None:
    store.write_cell(record("aa", fid=1.0, zeta=1.0, samples=4, error=None, device="cpu"))
    store.write_cell(record("bb", fid=1.0, samples=4, environment="e", finished="now"))
    assert list(store.table()) == [
        *("suite", "model", "schedule", "sampler", "sampler.steps", "repeat", "seed", "samples"),
        *("nfe", "fid", "zeta", "status", "error", "seconds", "device", "environment"),
        *("fingerprint", "finished"),
    ]


def test_cells_of_an_earlier_plan_stay_on_disk_but_leave_the_table(store: Store) -> None:
    store.write_cell(record("aa"))
    store.begin("name: s\n", {**PLAN, "cells": PLAN["cells"][1:]})  # type: ignore[index]
    assert store.table().empty
    store.begin("name: s\n", PLAN)
    assert store.table()["fingerprint"].tolist() == ["aa"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"row": {"fingerprint": "aa", "sta',
        b"[]",
        b"{}",
        b'{"row": {"fingerprint": "other", "status": "ok"}}',
        b'{"row": {"fingerprint": "aa"}}',
        b"\xff\xfe\x00",
    ],
)
def test_an_unreadable_cell_counts_as_missing(store: Store, content: bytes) -> None:
    store.write_cell(record("bb"))
    (store.folder / "cells" / "aa.json").write_bytes(content)
    assert set(store.finished(["aa", "bb"])) == {"bb"}
    assert len(store.table()) == 1


def test_numbers_json_does_not_know_are_kept_apart(store: Store) -> None:
    store.write_cell(record("aa", fid=math.nan, kid=math.inf, loss=-math.inf))
    text = (store.folder / "cells" / "aa.json").read_text()
    row = json.loads(text, parse_constant=lambda name: pytest.fail(name))["row"]
    assert (row["fid"], row["kid"], row["loss"]) == ("nan", "inf", "-inf")
    table = store.table()
    assert math.isnan(table["fid"][0])
    assert (table["kid"][0], table["loss"][0]) == (math.inf, -math.inf)


def test_pictures_are_kept_beside_a_cell_under_its_fingerprint(store: Store) -> None:
    store.write_cell(record("aa"), b"samples", b"their states")
    store.write_cell(record("bb"), b"samples")
    found = {str(p.relative_to(store.folder)): p.read_bytes() for p in store.folder.rglob("*.png")}
    assert found == {
        "images/aa.png": b"samples",
        "images/bb.png": b"samples",
        "trajectories/aa.png": b"their states",
    }


def test_a_plan_may_say_how_its_suite_was_run(store: Store) -> None:
    assert store.plan() == PLAN
    told = {**PLAN, "arguments": ["a.yaml", "--set", "samples=5"], "started_in": "../.."}
    store.begin("name: s\n", told)
    assert store.plan() == told


def test_parquet_and_csv_hold_the_same_table(store: Store) -> None:
    store.write_cell(record("aa", fid=1 / 3, kid=math.inf, error='a, "b"\nü'))
    store.write_cell(record("bb", fid=2.0))
    table = store.write_table()
    parquet = pd.read_parquet(store.folder / "table.parquet")
    csv = pd.read_csv(store.folder / "table.csv")
    pd.testing.assert_frame_equal(parquet, table)
    assert csv["fid"].tolist() == table["fid"].tolist()
    assert csv["kid"][0] == math.inf
    assert csv["error"][0] == table["error"][0]


def test_list_parameters_are_text_in_the_table(store: Store) -> None:
    columns = {**PLAN["cells"][0]["columns"], "model.mean": [1.0, 2.0]}  # type: ignore[index]
    store.begin("", {**PLAN, "cells": [{"fingerprint": "aa", "columns": columns}]})
    store.write_cell(record("aa"))
    assert store.write_table()["model.mean"][0] == "[1.0, 2.0]"


def test_a_crash_while_writing_leaves_the_old_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_cell(record("aa", fid=1.0))

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            store.write_cell(record("aa", fid=2.0))
    assert store.table()["fid"].tolist() == [1.0]
    assert [p.name for p in (store.folder / "cells").iterdir()] == ["aa.json"]


def test_an_empty_or_missing_directory_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    Store(tmp_path / "empty").check("s")
    (tmp_path / "empty" / ".plan.json.x7").write_text("left by a crash")
    Store(tmp_path / "empty").check("s")
    Store(tmp_path / "a" / "b" / "c").check("s")
    assert not (tmp_path / "a").exists()


def test_a_directory_of_the_same_suite_can_be_used_again(store: Store) -> None:
    store.check("s")


def test_directories_that_cannot_be_used_are_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds the results of suite 's', not 't'"):
        store.check("t")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        Store(tmp_path / "file").check("s")
    with pytest.raises(UserError, match=r"can't be written|is a file"):
        Store(tmp_path / "file" / "below").check("s")
    with pytest.raises(UserError, match="not empty and not a results directory"):
        Store(tmp_path).check("s")


@pytest.mark.parametrize("name", ["cells", "environments", "images", "trajectories"])
def test_a_directory_with_a_link_that_leads_out_is_refused(
    store: Store, tmp_path: Path, name: str
) -> None:
    (store.folder / name).symlink_to(tmp_path)
    with pytest.raises(UserError, match=f"{name} is a link that leads out of the results"):
        store.check("s")


def test_a_link_to_a_directory_can_be_used(store: Store, tmp_path: Path) -> None:
    store.write_cell(record("aa"))
    (tmp_path / "link").symlink_to(store.folder)
    Store(tmp_path / "link").check("s")


@pytest.mark.parametrize("fingerprint", ["../../outside", "", "aa\0", "AA/../aa"])
def test_a_fingerprint_that_is_none_is_of_no_cell(
    store: Store, tmp_path: Path, fingerprint: str
) -> None:
    (tmp_path / "outside.json").write_text(json.dumps(record(fingerprint)))
    assert store.finished([fingerprint]) == {}


def test_a_directory_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(UserError, match="can't be written"):
        Store(Path("/proc/nowhere")).check("s")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"suite": "s"}', "\x00"])
def test_a_damaged_plan_is_a_clear_error(store: Store, content: str) -> None:
    (store.folder / "plan.json").write_text(content)
    with pytest.raises(UserError, match=r"is not a results directory: no readable plan\.json"):
        store.table()


def columns_of(store: Store, *parameters: dict[str, Any]) -> pd.DataFrame:
    base = PLAN["cells"][0]["columns"]  # type: ignore[index]
    cells = [
        {"fingerprint": f"f{i}", "columns": {**base, **{f"model.{k}": v for k, v in p.items()}}}
        for i, p in enumerate(parameters)
    ]
    store.begin("", {**PLAN, "cells": cells})
    for cell in cells:
        store.write_cell(record(str(cell["fingerprint"])))
    table = store.write_table()
    pd.testing.assert_frame_equal(pd.read_parquet(store.folder / "table.parquet"), table)
    return table


def test_parameters_that_only_some_cells_have_keep_their_type(store: Store) -> None:
    table = columns_of(store, {"n": 3, "flag": True, "x": 0.5, "s": "a"}, {})
    assert table["model.n"].tolist() == [3, pd.NA]
    assert table["model.flag"].tolist() == [True, pd.NA]
    assert table["model.x"][0] == 0.5
    assert table["model.s"][0] == "a"


def test_a_parameter_of_mixed_types_is_text(store: Store) -> None:
    table = columns_of(store, {"std": 0.5}, {"std": [1.0, 2.0]}, {"std": math.inf}, {})
    assert table["model.std"].tolist()[:3] == ["0.5", "[1.0, 2.0]", "inf"]
    assert pd.isna(table["model.std"][3])


def test_an_infinite_parameter_is_a_number(store: Store) -> None:
    assert columns_of(store, {"s_max": 1.0}, {"s_max": math.inf})["model.s_max"][1] == math.inf


def test_whole_numbers_beyond_64_bits_are_text(store: Store) -> None:
    assert columns_of(store, {"n": 10**30}, {"n": 3})["model.n"].tolist() == [str(10**30), "3"]


def test_a_text_that_no_file_can_hold_is_escaped(store: Store) -> None:
    store.write_cell(record("aa", status="failed", error="bad \udc80 byte"))
    table = store.write_table()
    assert table["error"][0] == "bad \\udc80 byte"
    assert pd.read_parquet(store.folder / "table.parquet")["error"][0] == "bad \\udc80 byte"


@pytest.mark.parametrize(
    "bad",
    [
        {"nfe": "many"},
        {"seconds": []},
        {"samples": {}},
        {"samples": True},
        {"samples": 10**25},
        {"seconds": 1e300},
        {"seed": 0.5},
        {"seed": False},
    ],
)
def test_a_cell_without_sound_numbers_counts_as_missing(store: Store, bad: Any) -> None:
    store.write_cell(record("aa", **bad))
    assert store.table().empty


def test_a_cell_without_seed_counts_as_missing(store: Store) -> None:
    made = record("aa")
    del made["row"]["seed"]
    store.write_cell(made)
    assert store.table().empty


def test_a_cell_that_a_plan_lists_twice_counts_once(store: Store) -> None:
    store.begin("name: s\n", {**PLAN, "cells": [*PLAN["cells"], PLAN["cells"][0]]})  # type: ignore[index]
    store.write_cell(record("aa"))
    store.write_cell(record("bb"))
    assert store.plan() == PLAN
    assert store.table()["fingerprint"].tolist() == ["aa", "bb"]


def test_pipes_are_not_waited_for(store: Store) -> None:
    store.write_cell(record("bb"))
    os.mkfifo(store.folder / "cells" / "aa.json")
    assert set(store.finished(["aa", "bb"])) == {"bb"}
    (store.folder / "plan.json").unlink()
    os.mkfifo(store.folder / "plan.json")
    with pytest.raises(UserError, match="not a results directory"):
        store.plan()


def test_cells_without_a_plan_can_be_gone_on_from(store: Store) -> None:
    store.write_cell(record("aa"))
    (store.folder / "plan.json").unlink()
    store.check("s")
    assert set(store.finished(["aa"])) == {"aa"}


@pytest.mark.parametrize(
    "change",
    [
        {"suite": 3},
        {"arguments": "suite.yaml"},
        {"arguments": ["suite.yaml", 3]},
        {"started_in": None},
        {"better": ["fid"]},
        {"better": {"fid": 1}},
        {"cells": [3]},
        {"cells": [{"fingerprint": [], "columns": {}}]},
        {"cells": [{"fingerprint": "aa"}]},
        {"cells": [{"fingerprint": "aa", "columns": {"samples": True}}]},
    ],
)
def test_a_plan_of_another_shape_is_a_clear_error(store: Store, change: dict[str, Any]) -> None:
    (store.folder / "plan.json").write_text(json.dumps({**PLAN, **change}))
    with pytest.raises(UserError, match="not a results directory"):
        store.table()


def test_a_name_too_long_for_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="can't be used: File name too long"):
        Store(tmp_path / ("x" * 300)).check("s")


def test_what_a_killed_run_left_half_written_is_removed_at_the_next_start(store: Store) -> None:
    store.write_cell(record("aa"))
    cells = store.folder / "cells"
    (cells / ".bb.json.x7a2_q1p.part").write_bytes(b'{"row": {"fing')
    other = store.folder / "mine"
    other.mkdir()
    (other / ".kept.part").write_text("not ours")
    store.begin("name: s\n", PLAN)
    assert [path.name for path in cells.iterdir()] == ["aa.json"]
    assert (other / ".kept.part").exists()


def test_a_directory_with_a_lock_alone_may_become_a_results_directory(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("{}")  # of a run that was killed before it wrote its plan
    Store(tmp_path).check("s")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty and not a results directory"):
        Store(tmp_path).check("s")


def test_a_plan_whose_walks_are_no_names_is_none(store: Store) -> None:
    cells = [{**cell, "walk": ["a"]} for cell in PLAN["cells"]]
    (store.folder / "plan.json").write_text(json.dumps({**PLAN, "cells": cells}))
    with pytest.raises(UserError, match="no readable plan"):
        store.plan()
