from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import scorebench
from scorebench import ParameterError, PluginError, UnknownComponentError, UserError
from scorebench.plugin.component import KINDS
from scorebench.plugin.host import Host, default_host, host_for
from tests.conftest import Python

Write = Callable[..., Path]

SAMPLER = """
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Mine(scorebench.Sampler):
    steps: int = 5

    def trajectory(self, model, sigmas, noise):
        yield noise.normal()

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("mine", Mine, "My sampler")
"""

EVERY_KIND = """
from dataclasses import dataclass
import scorebench
from scorebench import Component

@dataclass(frozen=True, kw_only=True)
class Anything:
    def load(self, context): ...
    def sigmas(self, context): ...

@dataclass(frozen=True, kw_only=True)
class Drawn(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise): ...

@dataclass(frozen=True, kw_only=True)
class Measured(scorebench.Metric):
    def prepare(self, reference, context): ...
    def compute(self, state, generated): ...

@scorebench.hookimpl
def scorebench_score_models(): return [Component("x", Anything)]
@scorebench.hookimpl
def scorebench_noise_schedules(): return (Component("x", Anything),)
@scorebench.hookimpl
def scorebench_samplers(): yield Component("x", Drawn)
@scorebench.hookimpl
def scorebench_datasets(): return [Component("x", Anything)]
@scorebench.hookimpl
def scorebench_feature_extractors(): return {Component("x", Anything)}
@scorebench.hookimpl
def scorebench_metrics(): return [Component("x", Measured)]
"""

# What follows a plugin's import of scorebench, and the reason that is told.
BROKEN = {
    "raising": ("raise RuntimeError('no\\n  GPU')", "RuntimeError: no GPU"),
    "exiting": ("import sys; sys.exit(3)", "calls sys.exit(3) when imported"),
    "own_base": (
        "class Panic(BaseException): ...\nraise Panic('from a binary module')",
        "Panic: from a binary module",
    ),
    "missing_module": (
        "import no_such_module_here",
        "ModuleNotFoundError: No module named 'no_such_module_here'",
    ),
    "syntax": ("def f(:", "syntax error in "),
    "null_byte": ("x = '\0'", "source code string cannot contain null bytes"),
    "latin1": (b"x = 'caf\xe9'", "syntax error in "),
    "misspelt": (
        "@scorebench.hookimpl\ndef scorebench_sampler(): return []",
        "unknown hook scorebench_sampler; did you mean scorebench_samplers?",
    ),
    "unmarked": (
        "def scorebench_samplers(): return []",
        "scorebench_samplers lacks @scorebench.hookimpl",
    ),
    "partly_unmarked": (
        "@scorebench.hookimpl\ndef scorebench_metrics(): yield Component('m', 'm:M')\n"
        "def scorebench_samplers(): return []",
        "scorebench_samplers lacks @scorebench.hookimpl",
    ),
    "empty": ("", "registers nothing: it implements no hook"),
    "idle": (
        "@scorebench.hookimpl\ndef scorebench_samplers(): pass",
        "registers nothing: scorebench_samplers gave no component",
    ),
    "barren": (
        "@scorebench.hookimpl\ndef scorebench_samplers(): return []",
        "registers nothing: scorebench_samplers gave no component",
    ),
    "word": (
        "@scorebench.hookimpl\ndef scorebench_samplers(): yield 'heun'",
        "scorebench_samplers gave 'heun', not a scorebench.Component",
    ),
    "bare_component": (
        "@scorebench.hookimpl\ndef scorebench_samplers(): return Component('heun', 'a:B')",
        "scorebench_samplers gave Component(name='heun', target='a:B', summary=''), not a list",
    ),
    "bad_name": (
        "@scorebench.hookimpl\ndef scorebench_samplers(): yield Component(3, 'a:B')",
        "ValueError: 3 can't name a component",
    ),
    "raising_hook": (
        "@scorebench.hookimpl\ndef scorebench_samplers():\n"
        "    yield Component('a', 'a:B')\n    raise OSError('disk gone')",
        "OSError: disk gone",
    ),
    "exiting_hook": (
        "@scorebench.hookimpl\ndef scorebench_samplers(): raise SystemExit",
        "calls sys.exit(None)",
    ),
    "arguments": (
        "@scorebench.hookimpl\ndef scorebench_samplers(config): return []",
        "PluginValidationError: ",
    ),
}


def host_of(*paths: Path) -> Host:
    """The host of these plugins alone."""
    host = Host()
    host.load_paths(paths)
    return host


def test_all_six_hooks_are_asked(write_plugin: Write) -> None:
    path = write_plugin(EVERY_KIND)
    host = host_of(path)
    assert host.broken == []
    for kind in KINDS:
        (installed,) = host.components(kind).values()
        assert installed.component.name == "x"
        assert installed.origin == str(path)
        assert isinstance(host.build(kind, "x", {}), host.find(kind, "x"))


def test_shipped_components_come_by_their_entry_point() -> None:
    host = Host()
    host.load_entry_points()
    assert host.broken == []
    samplers = host.components("sampler")
    assert {"langevin", "annealed_langevin", "euler", "heun"} <= samplers.keys()
    assert samplers["heun"].origin == "shipped (scorebench: scorebench_plugins)"


@pytest.mark.parametrize("kind", KINDS)
def test_every_shipped_component_keeps_its_contract(kind) -> None:
    host = default_host()
    for name, installed in host.components(kind).items():
        assert host.find(kind, name).__doc__
        assert installed.component.summary


def test_components_are_listed_by_name() -> None:
    names = list(default_host().components("sampler"))
    assert names == sorted(names)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Install a module as a distribution with an entry point."""

    def install(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[scorebench]\ntheirs = {name}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_anybodys_entry_point_is_used(installed: Callable[[str, str], None]) -> None:
    installed("their_samplers", SAMPLER)
    found = host_for().components("sampler")["mine"]
    assert found.origin == "theirs (their_samplers: their_samplers)"


def test_an_entry_point_that_fails_is_named_and_leaves_the_others(
    installed: Callable[[str, str], None],
) -> None:
    installed("their_broken", "raise OSError('no driver')")
    host = host_for()
    assert [str(b) for b in host.broken] == [
        "plugin theirs (their_broken: their_broken): OSError: no driver"
    ]
    assert host.build("sampler", "heun", {}) == scorebench.build("sampler", "heun")


def test_a_folder_stands_for_its_python_files(write_plugin: Write, tmp_path: Path) -> None:
    write_plugin(SAMPLER, "folder/one.py")
    write_plugin(SAMPLER.replace('"mine"', '"other"'), "folder/two.py")
    write_plugin("raise OSError", "folder/_private.py")
    (tmp_path / "folder" / "notes.txt").write_text("not Python")
    host = host_of(tmp_path / "folder")
    assert host.broken == []
    origins = {name: found.origin for name, found in host.components("sampler").items()}
    assert origins == {
        "mine": str(tmp_path / "folder" / "one.py"),
        "other": str(tmp_path / "folder" / "two.py"),
    }


def test_a_package_folder_is_one_plugin_with_relative_imports(
    write_plugin: Write, tmp_path: Path
) -> None:
    write_plugin(
        """
        import scorebench
        from .names import NAME

        @scorebench.hookimpl
        def scorebench_samplers():
            yield scorebench.Component(NAME, f"{__name__}.samplers:Mine")
        """,
        "pack/__init__.py",
    )
    write_plugin("NAME = 'mine'", "pack/names.py")
    write_plugin(SAMPLER, "pack/samplers.py")
    for path in (tmp_path / "pack", tmp_path / "pack" / "__init__.py"):
        host = host_of(path)
        assert host.broken == []
        assert host.build("sampler", "mine", {"steps": 7}).steps == 7


def test_the_environment_names_plugins(
    write_plugin: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = [
        write_plugin(SAMPLER.replace('"mine"', f'"{name}"'), f"{name}.py") for name in ("a1", "b2")
    ]
    monkeypatch.setenv("SCOREBENCH_PLUGINS", os.pathsep.join([*map(str, named), ""]))
    given = write_plugin(SAMPLER, "c3.py")
    assert {"a1", "b2", "mine", "heun"} <= host_for([given]).components("sampler").keys()
    monkeypatch.setenv("SCOREBENCH_PLUGINS", str(tmp_path / "gone.py"))
    with pytest.raises(UserError, match=r"^SCOREBENCH_PLUGINS: plugin .*gone\.py is not a Python"):
        host_for()


def test_a_lazy_target_is_imported_when_it_is_used(write_plugin: Write) -> None:
    write_plugin(SAMPLER, "late_samplers.py")
    path = write_plugin(
        """
        import scorebench

        @scorebench.hookimpl
        def scorebench_samplers():
            yield scorebench.Component("mine", "late_samplers:Mine")
            yield scorebench.Component("lost", "no_such_module_here:Mine")
        """
    )
    host = host_of(path)
    assert host.components("sampler").keys() == {"mine", "lost"}
    assert "late_samplers" not in sys.modules
    assert host.find("sampler", "mine") is sys.modules["late_samplers"].Mine
    with pytest.raises(PluginError) as raised:
        host.find("sampler", "lost")
    assert str(raised.value) == (
        f"sampler 'lost' of plugin {path} can't be used: "
        "ModuleNotFoundError: No module named 'no_such_module_here'"
    )


def test_listing_and_validating_samplers_imports_no_torch(python: Python) -> None:
    code = """
import sys
from scorebench.plugin.host import default_host
host = default_host()
assert not any(name.startswith("scorebench_plugins.") for name in sys.modules)
host.build("sampler", "heun", {"s_churn": 40})
print([name for name in ("torch", "pandas", "numpy") if name in sys.modules])
"""
    assert python("-c", code).stdout.strip() == "[]"


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_named_and_leaves_the_others(
    case: str, write_plugin: Write, tmp_path: Path
) -> None:
    source, reason = BROKEN[case]
    path = tmp_path / f"{case}.py"
    head = b"import scorebench\nfrom scorebench import Component\n"
    path.write_bytes(head + (source.encode() if isinstance(source, str) else source))
    good = write_plugin(SAMPLER, "good.py")
    host = host_of(path, good)
    (broken,) = host.broken
    assert broken.origin == str(path)
    assert reason in broken.reason
    assert "\n" not in str(broken)
    assert host.components("sampler").keys() == {"mine"}
    assert host.build("sampler", "mine", {}).steps == 5


def test_an_unknown_component_is_blamed_on_broken_plugins_too(write_plugin: Write) -> None:
    path = write_plugin("raise OSError('no driver')", "flaky.py")
    host = host_of(write_plugin(SAMPLER), path)
    with pytest.raises(UnknownComponentError) as raised:
        host.find("sampler", "main")
    assert str(raised.value) == (
        f"unknown sampler 'main'; did you mean mine? [plugin {path}: OSError: no driver]"
    )


def test_an_unknown_name_gets_the_nearest_or_all() -> None:
    with pytest.raises(UnknownComponentError, match=r"^unknown sampler 'huen'; did you mean heun"):
        scorebench.build("sampler", "huen")
    with pytest.raises(UnknownComponentError, match="unknown noise schedule 'zzz'; known: constan"):
        scorebench.build("noise_schedule", "zzz")
    with pytest.raises(UnknownComponentError, match="unknown kind 'samplers'; did you mean samp"):
        scorebench.build("samplers", "heun")


def test_interrupting_a_plugin_interrupts_the_program(write_plugin: Write) -> None:
    path = write_plugin("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        host_of(path)


def test_interrupting_a_lazy_import_interrupts_the_program(write_plugin: Write) -> None:
    write_plugin("raise KeyboardInterrupt", "slow_to_import.py")
    path = write_plugin(
        """
        import scorebench

        @scorebench.hookimpl
        def scorebench_samplers():
            yield scorebench.Component("slow", "slow_to_import:Slow")
        """
    )
    with pytest.raises(KeyboardInterrupt):
        host_of(path).find("sampler", "slow")


def test_what_a_plugin_prints_is_dropped(
    write_plugin: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write_plugin("print('late!')\n" + SAMPLER, "noisy_target.py")
    path = write_plugin(
        """
        import scorebench
        print("hello!")

        @scorebench.hookimpl
        def scorebench_samplers():
            print("here they come!")
            yield scorebench.Component("mine", "noisy_target:Mine")
        """
    )
    assert host_of(path).build("sampler", "mine", {}).steps == 5
    assert capsys.readouterr().out == ""


def test_a_plugin_may_import_the_modules_beside_it(write_plugin: Write) -> None:
    write_plugin("NAME = 'mine'", "sampler_names.py")
    source = SAMPLER.replace('"mine"', "sampler_names.NAME")
    host = host_of(write_plugin("import sampler_names\n" + source))
    assert host.build("sampler", "mine", {}).steps == 5


def test_one_name_from_two_plugins_is_refused_with_both_origins(write_plugin: Write) -> None:
    first, second = write_plugin(SAMPLER, "first.py"), write_plugin(SAMPLER, "second.py")
    host = host_of(first, second)
    assert host.broken == []
    assert list(host.components("sampler")) == ["mine"]
    with pytest.raises(PluginError) as raised:
        host.find("sampler", "mine")
    assert str(raised.value) == f"sampler 'mine' is registered twice: by {first} and {second}"


def test_kinds_have_names_of_their_own(write_plugin: Write) -> None:
    host = host_for([write_plugin(EVERY_KIND.replace('"x"', '"heun"'))])
    assert host.find("dataset", "heun").__name__ == "Anything"
    with pytest.raises(PluginError, match=r"registered twice: by shipped \(scorebench: "):
        host.find("sampler", "heun")


def test_a_plugin_named_twice_is_used_once(
    write_plugin: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_plugin(SAMPLER, "folder/one.py")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.py").symlink_to(path)
    host = host_of(path, Path("folder/one.py"), Path("folder"), tmp_path / "link.py")
    assert host.build("sampler", "mine", {}).steps == 5


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gone.py", r"gone\.py is not a Python file or a folder of them"),
        ("notes.txt", r"notes\.txt is not a Python file or a folder of them"),
        ("empty", "plugin folder .*empty holds no Python file"),
        ("n" * 300 + ".py", r"plugin .* (File name too long|is not a Python file)"),
    ],
)
def test_a_path_without_plugins_is_the_users_mistake(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not Python")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=told):
        host_of(tmp_path / name)


def test_every_mistake_in_parameters_is_told_at_once() -> None:
    with pytest.raises(ParameterError) as raised:
        scorebench.build("sampler", "heun", s_chrun=40, s_noise=-1)
    assert str(raised.value) == (
        "sampler heun: s_chrun: unknown parameter; did you mean s_churn?; "
        "s_noise: expected float ≥ 0, got -1"
    )


def test_hosts_keep_their_plugins_to_themselves(write_plugin: Write) -> None:
    first = host_of(write_plugin(SAMPLER, "first.py"))
    second = host_of(write_plugin("raise OSError", "second.py"))
    assert list(first.components("sampler")) == ["mine"]
    assert first.broken == []
    assert list(second.components("sampler")) == []
