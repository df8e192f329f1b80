from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scorebench.errors import UserError
from scorebench.report.document import Document, Selection, Summary, Versus, document, page_path
from scorebench.report.results import read
from scorebench.report.terminal import show

Write = Callable[..., Path]

ROWS: list[dict[str, Any]] = [
    {"sampler": s, "sampler.n": n, "repeat": r, "fid": fid + r, "recall": 0.5, "nfe": n}
    for s, n, fid in (("a", 10, 1.0), ("a", 20, 2.0), ("b", 10, 3.0), ("b", 20, 0.5))
    for r in (0, 1)
]
PARTS = [{"sampler": s, "fid": 1.0, "samples": n} for s, n in (("a", 100), ("b", 100), ("a", 200))]


def told(made: Document, top: int = 0) -> str:
    file = io.StringIO()
    show(Console(file=file, width=100), made.terminal(top))
    return file.getvalue()


def samplers(made: Document) -> list[str]:
    return [f"{s}{n}" for s, n in made.frame()[["sampler", "sampler.n"]].values.tolist()]


def test_one_table_is_summed_up_and_several_are_compared(write_results: Write) -> None:
    a, b = write_results(*ROWS, name="a"), write_results(*ROWS, name="b")
    assert isinstance(document([a], Selection()), Summary)
    made = document([a, b], Selection())
    assert isinstance(made, Versus)
    assert [r.name for r in made.results] == ["a", "b"]


def test_rows_are_those_of_the_condition(write_results: Write) -> None:
    made = document([write_results(*ROWS)], Selection(condition='sampler == "a" and n < 15'))
    assert samplers(made) == ["a10"]
    assert len(made.content().payload["rows"]["columns"]["fid"]["values"]) == 2


def test_cells_that_have_not_finished_may_be_of_the_condition(write_results: Write) -> None:
    made = document([write_results(*ROWS, unfinished=3)], Selection(condition='sampler == "a"'))
    assert (len(made.results[0].table), made.results[0].planned) == (4, 7)


@pytest.mark.parametrize("rows", [ROWS, [{**row, "fid.yardstick": "x"} for row in ROWS]])
def test_a_condition_may_leave_no_rows(write_results: Write, rows: list[dict[str, Any]]) -> None:
    made = document([write_results(*rows)], Selection(condition="fid > 100"))
    assert "no rows" in told(made)
    assert len(made.frame()) == 0
    assert made.content().nothing == "The table has no rows."
    for name in ("pareto", "heatmap", "samples"):
        with pytest.raises(UserError, match=f"--figure {name}"):
            made.figure(name, [])


def test_what_to_sort_by_and_show_is_chosen(write_results: Write) -> None:
    folder = write_results(*ROWS)
    assert samplers(document([folder], Selection())) == ["b20", "a10", "a20", "b10"]
    assert samplers(document([folder], Selection(sort="nfe"))) == ["a10", "b10", "b20", "a20"]
    assert samplers(document([folder], Selection(per=["sampler"]))) == ["b20", "a10"]
    chosen = document([folder], Selection(columns=["sampler", "fid"]))
    ((_, grid),) = chosen.grids()
    assert [column.name for column in grid.columns] == ["#", "sampler", "fid"]
    assert "recall" not in chosen.frame()
    assert "recall" not in told(chosen)
    with pytest.raises(UserError, match=r"can't sort by 'fib'.*fid"):
        told(document([folder], Selection(sort="fib")))


def test_the_page_is_of_all_configurations(write_results: Write) -> None:
    made = document([write_results(*ROWS)], Selection(per=["sampler"], columns=["sampler"]))
    assert made.content().payload["points"]["length"] == 4


@pytest.mark.parametrize("selection", [Selection(per=["sampler"]), Selection(columns=["fid"])])
def test_of_several_results_no_columns_are_chosen(
    write_results: Write, selection: Selection
) -> None:
    paths = [write_results(*ROWS, name=name) for name in "ab"]
    with pytest.raises(UserError, match="--best-per and --columns are for one table"):
        document(paths, selection)


def test_a_condition_holds_for_all_results(write_results: Write) -> None:
    paths = [write_results(*ROWS, name=name) for name in "ab"]
    made = document(paths, Selection(condition='sampler == "b"', sort="recall"))
    assert isinstance(made, Versus)
    assert set(made.comparison.configurations["sampler"]) == {"b"}
    assert made.comparison.metrics[0] == "recall"
    assert len(made.frame()) > 0
    assert next(caption for caption, _ in made.grids()) == "recall"


def test_parts_are_ranked_apart(write_results: Write) -> None:
    made = document([write_results(*PARTS)], Selection())
    assert [caption for caption, _ in made.grids()] == ["samples 100", "samples 200"]
    assert made.frame()["rank"].tolist() == [1, 2, 1]
    assert "2 rankings" in told(made)


def test_figures_are_drawn_by_name(write_results: Write) -> None:
    made = document([write_results(*ROWS)], Selection(sort="recall"))
    assert "recall ↑" in str(made.figure("pareto", []).to_dict())
    assert "sampler.n" in str(made.figure("heatmap", ["sampler", "n"]).to_dict())


@pytest.mark.parametrize(
    ("rows", "name", "sort", "match"),
    [
        (PARTS, "pareto", None, "2 parts that can't be compared; choose one .*samples 100"),
        (ROWS, "pareto", "nfe", "shows a metric; choose it with --sort"),
        (ROWS, "paretto", None, "no figure 'paretto'.*pareto"),
        (ROWS, "samples", None, "results has no pictures of samples"),
    ],
)
def test_figures_that_cannot_be_drawn(
    write_results: Write, rows: list[Any], name: str, sort: str | None, match: str
) -> None:
    made = document([write_results(*rows)], Selection(sort=sort))
    with pytest.raises(UserError, match=match):
        made.figure(name, [])


def test_a_comparison_has_one_figure(write_results: Write) -> None:
    rows = [{**row, "fid": row["fid"] + 1} for row in ROWS]
    made = document([write_results(*ROWS, name="a"), write_results(*rows, name="b")], Selection())
    assert "difference in fid" in str(made.figure("differences", []).to_dict())
    with pytest.raises(UserError, match="no figure 'pareto' of a comparison"):
        made.figure("pareto", [])
    with pytest.raises(UserError, match="--axes: the figure of differences has no parameters"):
        made.figure("differences", ["n"])


def test_a_comparison_of_nothing_has_no_figure(write_results: Write) -> None:
    a = write_results({"sampler": "a", "fid": 1.0}, name="a")
    b = write_results({"sampler": "b", "fid": 1.0}, name="b")
    with pytest.raises(UserError, match="no configuration can be compared by fid"):
        document([a, b], Selection()).figure("differences", [])


def test_the_page_is_put_beside_the_results(write_results: Write, tmp_path: Path) -> None:
    a, b = (write_results({"fid": 1.0}, name=name) for name in ("a b", "é"))
    assert page_path([a], read([a])) == a / "report.html"
    assert page_path([a, b], read([a, b])) == tmp_path / "a_b-vs-é.html"
    table = tmp_path / "table.csv"
    table.write_text("sampler,fid\nheun,1\n")
    assert page_path([table], read([table])) == tmp_path / "table.html"
    assert page_path([table, a], read([table, a])).parent == tmp_path


def test_its_name_is_no_longer_than_names_may_be(write_results: Write, tmp_path: Path) -> None:
    paths = [write_results({"fid": 1.0}, name=f"{i}{'é' * 100}") for i in range(6)]
    path = page_path(paths, read(paths))
    path.touch()
    assert path.parent == tmp_path


def test_which_rows_were_chosen_is_said(write_results: Write) -> None:
    folder = write_results(*ROWS, name="a")
    said = 'only 4 of 8 rows, where sampler == "a"'
    made = document([folder], Selection(condition=' sampler == "a" '))
    assert told(made).count(f"a: {said}\n") == 1
    assert 'Only 4 of 8 rows, where sampler == "a".' in made.content().notices
    both = document([folder, write_results(*ROWS, name="b")], Selection(condition='sampler=="a"'))
    for name in "ab":
        assert told(both).count(f'{name}: only 4 of 8 rows, where sampler=="a"') == 1
        assert f'{name}: only 4 of 8 rows, where sampler=="a".' in both.content().notices
    parted = document([write_results(*PARTS)], Selection(condition='sampler == "a"'))
    assert told(parted).count("only 2 of 3 rows") == 1
    assert "only" not in told(document([folder], Selection()))


def test_a_condition_on_what_no_row_has_yet(write_results: Write) -> None:
    unfinished = write_results(unfinished=2, name="none")
    failed = write_results({"status": "failed", "error": "no"}, name="failed")
    for folder, rows in ((unfinished, 0), (failed, 1)):
        made = document([folder], Selection(condition="fid < 10"))
        assert "fid" not in made.results[0].table
        assert f"only 0 of {rows} row" in told(made)
        assert f"no rows{'' if rows else ' (2 cells unfinished)'}\n" in told(made)
        assert made.content().nothing == "The table has no rows."
        with pytest.raises(UserError, match="no column 'fib'; did you mean fid"):
            document([folder], Selection(condition="fib < 10"))
    assert len(document([failed], Selection(condition="not fid < 10")).results[0].table) == 1
