from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scorebench.errors import UserError
from scorebench.report.columns import Constant
from scorebench.report.ranked_grid import ranked_grid
from scorebench.report.ranking import Failure, Ranking, best_per, choose, rank
from scorebench.report.results import read
from scorebench.store import assemble

Write = Callable[..., Path]


def ranking_of(folder: Path, by: str | None = None) -> Ranking:
    (results,) = read([folder])
    return rank(results.table, results.better, by)


def samplers(ranking: Ranking) -> list[str]:
    return ranking.configurations["sampler"].tolist()


def test_the_first_metric_ranks_in_its_direction(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "b", "fid": 2.0, "recall": 0.9},
        {"sampler": "c", "fid": 3.0, "recall": 0.1},
        {"sampler": "a", "fid": 1.0, "recall": 0.5},
    )
    ranking = ranking_of(folder)
    assert (ranking.by, samplers(ranking), ranking.ranked) == ("fid", ["a", "b", "c"], 3)
    assert samplers(ranking_of(folder, "recall")) == ["b", "a", "c"]


def test_costs_rank_too_and_the_first_metric_breaks_ties(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "a", "nfe": 20, "fid": 1.0},
        {"sampler": "b", "nfe": 10, "fid": 3.0},
        {"sampler": "c", "nfe": 10, "fid": 2.0},
    )
    assert samplers(ranking_of(folder, "nfe")) == ["c", "b", "a"]


def test_equal_configurations_keep_the_order_of_the_plan(write_results: Write) -> None:
    folder = write_results(*({"sampler": name, "fid": 1.0} for name in "cab"))
    assert samplers(ranking_of(folder)) == ["c", "a", "b"]


def test_mean_and_standard_error_over_repeats_agree_with_numpy(write_results: Write) -> None:
    fids = {"a": [3.1, 2.7, 3.9], "b": [1.0, 1.5, 0.5]}
    folder = write_results(
        *(
            {"sampler": name, "repeat": i, "fid": fid, "nfe": 10 + i, "seconds": 2.0 * i}
            for name, values in fids.items()
            for i, fid in enumerate(values)
        )
    )
    ranking = ranking_of(folder)
    assert samplers(ranking) == ["b", "a"]
    for i, name in enumerate(samplers(ranking)):
        values = fids[name]
        assert ranking.means["fid"].iloc[i] == pytest.approx(np.mean(values))
        assert ranking.errors["fid"].iloc[i] == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
        assert ranking.means[["nfe", "seconds"]].iloc[i].tolist() == [11, 2]
        assert ranking.repeats[["ok", "all"]].iloc[i].tolist() == [3, 3]


def test_one_repeat_has_no_standard_error(write_results: Write) -> None:
    ranking = ranking_of(write_results({"fid": 1.0}))
    assert ranking.means["fid"].tolist() == [1.0]
    assert math.isnan(ranking.errors["fid"].iloc[0])


def test_configurations_without_a_finite_value_are_last_and_unranked(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "failed", "status": "failed", "error": "no"},
        {"sampler": "nan", "fid": math.nan, "recall": 0.3},
        {"sampler": "infinite", "fid": math.inf, "recall": 0.4},
        {"sampler": "half", "repeat": 0, "fid": 1.0},
        {"sampler": "half", "repeat": 1, "fid": math.nan},
        {"sampler": "fine", "fid": 9.0},
    )
    ranking = ranking_of(folder)
    assert ranking.ranked == 1
    assert samplers(ranking)[0] == "fine"
    assert samplers(ranking)[-1] == "failed"
    assert math.isnan(ranking.means["fid"][ranking.configurations["sampler"] == "half"].item())
    assert samplers(ranking_of(folder, "recall"))[:2] == ["infinite", "nan"]


def test_only_rows_that_ended_ok_count(write_results: Write) -> None:
    folder = write_results(
        {"repeat": 0, "fid": 1.0},
        {"repeat": 1, "fid": 100.0, "status": "timeout", "error": "2 s are over"},
    )
    ranking = ranking_of(folder)
    assert ranking.means["fid"].tolist() == [1.0]
    assert ranking.repeats.to_dict("records") == [{"ok": 1, "all": 2, "status": "timeout"}]


def test_constant_columns_are_told_apart(write_results: Write) -> None:
    folder = write_results(
        {"schedule.n": 10, "sampler": "langevin", "sampler.step_size": 0.1, "fid": 1.0},
        {"schedule.n": 20, "sampler": "langevin", "sampler.step_size": 0.1, "fid": 1.0},
        {"schedule.n": 10, "sampler": "heun", "fid": 1.0},
        {"schedule.n": 10, "sampler": "heun", "sampler.s_churn": 40, "fid": 1.0},
    )
    ranking = ranking_of(folder)
    assert ranking.varying == ["sampler", "schedule.n", "sampler.s_churn"]
    assert ranking.constants == [
        Constant("suite", "made_up"),
        Constant("model", "gaussian"),
        Constant("schedule", "karras"),
        Constant("sampler.step_size", "0.1", ("langevin",)),
        Constant("samples", "100"),
    ]


def test_a_lone_configuration_keeps_its_name(write_results: Write) -> None:
    assert ranking_of(write_results({"schedule.n": 10, "fid": 1.0})).varying == ["sampler"]


def test_whole_numbers_and_lists_tell_configurations_apart(write_results: Write) -> None:
    folder = write_results(
        {"sampler.n": 1, "schedule.sigmas": [2.0, 1.0], "fid": 1.0, "repeat": 0},
        {"sampler.n": 1.0, "schedule.sigmas": [2.0, 1.0], "fid": 2.0, "repeat": 1},
        {"sampler.n": 1, "schedule.sigmas": [2.0, 0.5], "fid": 3.0},
        {"fid": 4.0},
    )
    ranking = ranking_of(folder)
    assert ranking.configurations["schedule.sigmas"].tolist() == ["[2.0, 1.0]", "[2.0, 0.5]", "–"]
    assert ranking.configurations["sampler.n"].tolist() == ["1", "1", "–"]


def test_failures_are_grouped_by_what_they_say(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "a", "status": "failed", "error": "ValueError: bad"},
        {"sampler": "b", "status": "diverged", "error": "not finite"},
        {"sampler": "c", "status": "diverged", "error": "not finite", "schedule.n": 10},
        {"sampler": "d", "fid": 1.0},
    )
    assert ranking_of(folder).failures == [
        Failure("diverged", "not finite", 2, "b", f"{1:032x}"),
        Failure("failed", "ValueError: bad", 1, "a", f"{0:032x}"),
    ]


def test_only_failures(write_results: Write) -> None:
    ranking = ranking_of(write_results({"status": "failed"}, {"status": "crashed", "repeat": 1}))
    assert ranking.ranked == 0
    assert ranking.means[["fid", "nfe"]].isna().all(axis=None)
    assert ranking.repeats["status"].tolist() == ["failed, crashed"]
    assert [failure.error for failure in ranking.failures] == ["", ""]


def test_metrics_that_cannot_be_ranked_are_shown_but_not_spreads(write_results: Write) -> None:
    folder = write_results({"fid": 1.0, "fid_std": 0.1, "recall": 0.5, "likelihood": 2.0})
    assert ranking_of(folder).metrics == ["fid", "recall", "likelihood"]
    with pytest.raises(UserError, match=r"can't sort by 'likelihood'; known: .*fid.*nfe"):
        ranking_of(folder, "likelihood")
    with pytest.raises(UserError, match="did you mean recall"):
        ranking_of(folder, "recal")


def test_without_a_rankable_metric_nfe_ranks(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "a", "nfe": 9, "likelihood": 1.0},
        {"sampler": "b", "nfe": 5, "likelihood": 1.0},
        better={},
    )
    ranking = ranking_of(folder)
    assert (ranking.by, samplers(ranking)) == ("nfe", ["b", "a"])


def test_rows_of_several_suites_in_one_table(write_results: Write) -> None:
    folders = [write_results({"fid": 1.0}, name=name) for name in "ab"]
    tables = [results.table for results in read(folders)]
    tables[1]["suite"] = "another"
    ranking = rank(pd.concat(tables), {"fid": "lower"})
    assert ranking.configurations["suite"].tolist() == ["made_up", "another"]


def test_the_best_only(write_results: Write) -> None:
    head = ranking_of(write_results(*({"sampler": s, "fid": ord(s)} for s in "cab"))).head(2)
    assert samplers(head) == ["a", "b"]
    assert len(head.means) == len(head.errors) == len(head.repeats) == head.ranked == 2


def test_the_best_for_each_value(write_results: Write) -> None:
    rows = [("b", 1, 4.0), ("a", 1, 3.0), ("a", 2, 1.0), ("b", 2, 2.0), ("c", 1, math.nan)]
    folder = write_results(
        *({"sampler": s, "sampler.eta": eta, "fid": fid} for s, eta, fid in rows),
        {"sampler": "a", "sampler.eta": 3, "status": "failed", "error": "no"},
    )
    ranking = ranking_of(folder)
    best = best_per(ranking, ["sampler"])
    assert samplers(best) == ["a", "b", "c"]
    assert best.configurations["sampler.eta"].tolist() == ["2", "2", "1"]
    assert best.means["fid"].tolist()[:2] == [1.0, 2.0]
    assert (best.ranked, best.per) == (2, ("sampler",))
    assert best.failures == ranking.failures
    assert best_per(ranking, ["eta"]).means["fid"].tolist()[:2] == [1.0, 3.0]
    assert len(best_per(ranking, ["sampler", "eta"]).means) == 6
    with pytest.raises(UserError, match=r"^--best-per: no column 'fid'; known: "):
        best_per(ranking, ["fid"])


def test_columns_to_show_are_names_parameters_and_measurements(write_results: Write) -> None:
    ranking = ranking_of(write_results({"sampler.eta": 1, "fid": 1.0, "peak_memory_mb": 5.0}))
    words = ["peak_memory_mb", "eta", "suite", "nfe"]
    assert choose(ranking, words).chosen == ("peak_memory_mb", "sampler.eta", "suite", "nfe")
    with pytest.raises(UserError, match=r"^--columns: no column 'fingerprint'; known: "):
        choose(ranking, ["fingerprint"])


def test_other_columns_of_numbers_have_means_too(write_results: Write) -> None:
    folder = write_results(
        {"fid": 1.0, "fid_std": 0.5, "n_sigmas": 5, "repeat": 0},
        {"fid": 2.0, "fid_std": 1.5, "n_sigmas": 5, "repeat": 1},
    )
    ranking = ranking_of(folder)
    assert ranking.means[["fid_std", "n_sigmas"]].iloc[0].tolist() == [1.0, 5.0]
    assert ranking.errors[["fid_std", "n_sigmas"]].iloc[0].tolist() == [pytest.approx(0.5), 0.0]
    assert "repeat" not in ranking.means


def test_no_rows() -> None:
    ranking = rank(assemble({"suite": "s", "cells": []}, {}), {"fid": "lower"})
    assert (ranking.by, ranking.ranked, ranking.failures) == ("fid", 0, [])
    assert len(ranking.means) == len(ranking.configurations) == 0
    assert len(best_per(ranking, ["sampler"]).means) == 0


def test_a_table_with_missing_columns() -> None:
    columns = {"sampler": ["a", "b"], "status": "ok", "error": None, "fingerprint": None}
    ranking = rank(pd.DataFrame({**columns, "fid": [2.0, 1.0]}), {"fid": "lower"})
    assert samplers(ranking) == ["b", "a"]
    assert ranking.means[["nfe", "seconds"]].isna().all(axis=None)


@pytest.mark.parametrize("fids", [(1e200, 2e200), (1.7e308, 1.7e308), (1e308, -1e308)])
def test_values_too_large_for_their_spread(write_results: Write, fids: tuple[float, ...]) -> None:
    rows = [{"repeat": i, "fid": fid} for i, fid in enumerate(fids)]
    ranking = ranking_of(write_results(*rows))
    assert not np.isinf(ranking.errors["fid"]).any()
    assert ranked_grid(ranking, 1).columns
