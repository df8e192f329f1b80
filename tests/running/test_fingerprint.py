from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import scorebench
from scorebench import Data, UserError
from scorebench.plugin.host import Host
from scorebench.running.fingerprint import (
    data_digest,
    describe,
    harness_digest,
    local_modules,
    path_digest,
    source_digest,
)
from tests.conftest import Python


def test_parameters_given_or_defaulted_describe_the_same_component() -> None:
    given = scorebench.build("sampler", "heun", s_churn=0.0, denoise=True)
    assert describe(given) == describe(scorebench.build("sampler", "heun"))


def test_every_parameter_changes_the_description() -> None:
    base = describe(scorebench.build("sampler", "heun"))
    for change in ({"s_churn": 1.0}, {"s_min": 0.1}, {"s_max": 1.0}, {"denoise": False}):
        assert describe(scorebench.build("sampler", "heun", **change)) != base


def test_a_shipped_component_is_made_of_its_own_modules_not_of_all() -> None:
    constant = local_modules("scorebench_plugins.noise_schedules.constant")
    assert set(constant) == {"scorebench_plugins.noise_schedules.constant"}
    annealed = local_modules("scorebench_plugins.samplers.annealed_langevin")
    assert "scorebench_plugins.samplers.langevin_step" in annealed
    assert "scorebench.metrics.frechet" in local_modules("scorebench_plugins.metrics.fid")


def test_a_path_parameter_stands_for_its_content(tmp_path: Path) -> None:
    weights = Path(scorebench.build("feature_extractor", "digits_cnn").weights)
    copies = [tmp_path / name for name in ("a.safetensors", "b.safetensors")]
    for copy in copies:
        copy.write_bytes(weights.read_bytes())
    same = [
        describe(scorebench.build("feature_extractor", "digits_cnn", weights=str(c)))
        for c in copies
    ]
    assert same[0] == same[1]
    copies[1].write_bytes(weights.read_bytes()[:-1] + b"\x01")
    changed = describe(scorebench.build("feature_extractor", "digits_cnn", weights=str(copies[1])))
    assert changed != same[0]


def test_a_folder_is_its_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = path_digest(tmp_path / "a")
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    renamed = path_digest(tmp_path / "a")
    (tmp_path / "a" / "y").write_text("2")
    edited = path_digest(tmp_path / "a")
    assert len({first, renamed, edited}) == 3


def test_an_edit_that_keeps_the_size_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_text("aaaa")
    first = path_digest(file)
    assert path_digest(file) == first
    file.write_text("bbbb")
    os.utime(file, ns=(1, os.stat(file).st_mtime_ns + 1))
    assert path_digest(file) != first


def test_a_path_that_is_not_there_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        path_digest(tmp_path / "nothing")


def test_data_is_its_values_shape_and_type() -> None:
    x = torch.arange(12).reshape(3, 4)
    digests = {
        data_digest(Data(x)),
        data_digest(Data(x.reshape(4, 3))),
        data_digest(Data(x.to(torch.int32))),
        data_digest(Data(x, value_range=(0, 12))),
        data_digest(Data(x + 1)),
        data_digest(Data(x, labels=torch.tensor([0, 1, 2]))),
        data_digest(Data(x, labels=torch.tensor([0, 1, 3]))),
    }
    assert len(digests) == 7
    assert data_digest(Data(x)) == data_digest(Data(x.clone()))


def component_source(host: Host) -> str:
    return source_digest(host.find("noise_schedule", "mine").__module__)


PLUGIN = """
    from dataclasses import dataclass
    import scorebench
    from my_helper import levels

    @dataclass(frozen=True, kw_only=True)
    class Mine(scorebench.NoiseSchedule):
        def sigmas(self, context):
            from my_lazy import other
            return levels()

    @scorebench.hookimpl
    def scorebench_noise_schedules():
        yield scorebench.Component("mine", Mine)
"""
DIGEST = """
import sys
from pathlib import Path
from scorebench.plugin.host import host_for
from scorebench.running.fingerprint import source_digest
print(source_digest(host_for([Path(sys.argv[1])]).find("noise_schedule", "mine").__module__))
"""


def digest_in_new_process(plugin: Path, python: Python) -> str:
    # -P: nothing is imported from the current folder, which is the plugin's.
    return python("-P", "-c", DIGEST, plugin).stdout


def test_local_modules_count_also_indirect_and_late_ones(
    write_plugin: Callable[..., Path], python: Python
) -> None:
    plugin = write_plugin(PLUGIN)
    helper = write_plugin("from my_deep import levels\n", "my_helper.py")
    deep = write_plugin("def levels(): return 1\n", "my_deep.py")
    lazy = write_plugin("other = 1\n", "my_lazy.py")
    write_plugin("unrelated = 1\n", "my_unrelated.py")
    seen = [digest_in_new_process(plugin, python)]
    for file in (helper, deep, lazy, plugin):
        file.write_text(file.read_text() + "\nextra = 1\n")
        seen.append(digest_in_new_process(plugin, python))
    assert len(set(seen)) == 5
    write_plugin("unrelated = 2\n", "my_unrelated.py")
    assert digest_in_new_process(plugin, python) == seen[-1]


def test_packages_count_with_and_without_an_init_file(
    write_plugin: Callable[..., Path], python: Python
) -> None:
    source = PLUGIN.replace("from my_helper import levels", "from my_lib.low.deep import levels")
    plugin = write_plugin(source)
    low = write_plugin("", "my_lib/low/__init__.py")
    deep = write_plugin("import my_bare.part\ndef levels(): return 1\n", "my_lib/low/deep.py")
    part = write_plugin("x = 1\n", "my_bare/part.py")
    write_plugin("other = 1\n", "my_lazy.py")
    seen = [digest_in_new_process(plugin, python)]
    for file in (low, deep, part):
        file.write_text(file.read_text() + "\nextra = 1\n")
        seen.append(digest_in_new_process(plugin, python))
    assert len(set(seen)) == 4


PACKAGED = """
    from dataclasses import dataclass
    import scorebench
    from {where} import SCALE

    @dataclass(frozen=True, kw_only=True)
    class Mine(scorebench.NoiseSchedule):
        def sigmas(self, context): ...
"""
REGISTERING = """
    import scorebench
    SCALE = 1

    @scorebench.hookimpl
    def scorebench_noise_schedules():
        from .mine import Mine
        yield scorebench.Component("mine", Mine)
"""


@pytest.mark.parametrize(("where", "counts"), [(".", True), (".scale", False)])
def test_the_package_around_a_component_counts_if_it_is_used(
    write_plugin: Callable[..., Path], python: Python, where: str, counts: bool
) -> None:
    init = write_plugin(REGISTERING, "pack/__init__.py")
    write_plugin("SCALE = 1\n", "pack/scale.py")
    write_plugin(PACKAGED.format(where=where), "pack/mine.py")
    before = digest_in_new_process(init.parent, python)
    init.write_text(init.read_text() + "\nextra = 1\n")
    assert (digest_in_new_process(init.parent, python) != before) == counts


def test_editing_a_loaded_module_is_refused_rather_than_recorded_wrongly(
    write_plugin: Callable[..., Path],
) -> None:
    source = PLUGIN.replace("from my_helper import levels", "levels = list")
    plugin = write_plugin(source, "edited_plugin.py")
    host = Host()
    host.load_paths([plugin])
    component_source(host)
    plugin.write_text(plugin.read_text() + "\nextra = 1\n")
    with pytest.raises(UserError, match="edited after it was loaded; start a new Python process"):
        component_source(host)


def test_the_harness_digest_covers_files_that_exist() -> None:
    from scorebench.running import fingerprint

    assert len(harness_digest()) == 32
    assert all(fingerprint._find(name) for name in fingerprint.HARNESS)


def test_a_plugin_means_the_same_wherever_it_is(
    write_plugin: Callable[..., Path], python: Python
) -> None:
    digests = []
    for folder in ("here", "there"):
        plugin = write_plugin(PLUGIN, f"{folder}/mine.py")
        write_plugin("def levels(): return 1\n", f"{folder}/my_helper.py")
        digests.append(digest_in_new_process(plugin, python))
    assert digests[0] == digests[1]


def test_installed_packages_do_not_count_wherever_they_are(
    write_plugin: Callable[..., Path], environment: dict[str, str], python: Python
) -> None:
    plugin = write_plugin(PLUGIN.replace("my_helper", "on_the_cluster"))
    module = write_plugin("def levels(): return 1\n", "lib/site-packages/on_the_cluster.py")
    environment["PYTHONPATH"] = str(module.parent)
    before = digest_in_new_process(plugin, python)
    module.write_text("def levels(): return 2\n")
    assert digest_in_new_process(plugin, python) == before


NAMED = """
import json, sys
import scorebench
from scorebench.running.fingerprint import describe
named = scorebench.build("score_model", "energy", energy=sys.argv[1])
print(json.dumps(describe(named)["parameters"]["energy"]))
"""


def test_a_named_object_is_its_name_and_the_source_of_its_module_wherever_that_is(
    write_plugin: Callable[..., Path],
    environment: dict[str, str],
    python: Python,
    tmp_path: Path,
) -> None:
    environment["PYTHONPATH"] = str(tmp_path)

    def described(name: str) -> str:
        return python("-P", "-c", NAMED, name).stdout

    file = write_plugin("from steep import K\ndef E(x): return K * x.sum(-1)\nF = E\n", "own.py")
    copy = write_plugin(file.read_text(), "elsewhere/own.py")
    beside = [write_plugin("K = 1\n", f"{folder}steep.py") for folder in ("", "elsewhere/")]
    seen = [described(name) for name in (f"{file}:E", f"{file}:F", "own:E")]
    assert len(set(seen)) == 3
    environment["PYTHONPATH"] = ""
    assert described(f"{copy}:E") == seen[0]
    beside[1].write_text("K = 2\n")
    assert described(f"{copy}:E") not in seen
    assert described(f"{file}:E") == seen[0]
