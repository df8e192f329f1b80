from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scorebench.errors import PluginError
from scorebench.plugin.importing import import_file, in_one_line


def test_a_file_is_imported_once_under_a_name_of_its_own(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "thing.py").write_text(f"WHERE = '{folder}'")
    first, second = (import_file(tmp_path / folder / "thing.py") for folder in ("a", "b"))
    assert (first.WHERE, second.WHERE) == ("a", "b")
    assert sys.modules[first.__name__] is first
    assert "thing" not in sys.modules
    assert import_file(tmp_path / "a" / "thing.py") is first


@pytest.mark.parametrize("name", ["my-sampler.py", "version 1.5.py", "größe.py"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("class Thing: ...")
    module = import_file(tmp_path / name)
    assert sys.modules[module.Thing.__module__] is module


def test_a_package_has_its_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("from .part import ANSWER")
    (package / "part.py").write_text("from . import other\nANSWER = other.ANSWER")
    (package / "other.py").write_text("ANSWER = 42")
    assert import_file(package / "__init__.py").ANSWER == 42


def test_modules_beside_a_file_can_be_imported_by_it(tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("ANSWER = 42")
    (tmp_path / "plug.py").write_text("import beside_it\ndef answer():\n  return beside_it.ANSWER")
    assert import_file(tmp_path / "plug.py").answer() == 42


def test_a_sibling_hidden_by_that_of_another_plugin_is_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same_helper.py").write_text(f"WHERE = '{folder}'")
        (tmp_path / folder / "plug.py").write_text("from same_helper import WHERE")
    assert import_file(tmp_path / "a" / "plug.py").WHERE == "a"
    wrong = r"imports same_helper, but gets .*a.same_helper\.py instead of its own"
    with pytest.raises(PluginError, match=wrong):
        import_file(tmp_path / "b" / "plug.py")


def test_a_sibling_hidden_by_the_standard_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "statistics.py").write_text("WHERE = 'mine'")
    (tmp_path / "plug.py").write_text("def late():\n    import statistics")
    import statistics

    with pytest.raises(PluginError, match="imports statistics, but gets ") as raised:
        import_file(tmp_path / "plug.py")
    assert str(statistics.__file__) in str(raised.value)


def test_a_sibling_may_be_reached_by_another_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "linked_helper.py").write_text("ANSWER = 42")
    (tmp_path / "real" / "plug.py").write_text("from linked_helper import ANSWER")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    sys.path.insert(0, str(tmp_path / "link"))
    assert import_file(tmp_path / "real" / "plug.py").ANSWER == 42


@pytest.mark.parametrize("code", ["raise OSError", "raise SystemExit", "raise KeyboardInterrupt"])
def test_a_file_that_fails_leaves_no_module_behind(tmp_path: Path, code: str) -> None:
    (tmp_path / "failing.py").write_text(code)
    with pytest.raises((OSError, SystemExit, KeyboardInterrupt)):
        import_file(tmp_path / "failing.py")
    assert not [name for name in sys.modules if name.startswith("failing")]


def test_a_file_that_failed_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "plug.py").write_text("raise OSError")
    with pytest.raises(OSError):  # noqa: PT011
        import_file(tmp_path / "plug.py")
    (tmp_path / "plug.py").write_text("ANSWER = 42")
    assert import_file(tmp_path / "plug.py").ANSWER == 42


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (PluginError("as it is"), "as it is"),
        (SystemExit(3), "calls sys.exit(3) when imported"),
        (SystemExit("bye"), "calls sys.exit('bye') when imported"),
        (SyntaxError("bad", ("a.py", 3, 1, "x")), "syntax error in a.py, line 3: bad"),
        (SyntaxError("null bytes"), "syntax error: null bytes"),
        (KeyError(), "KeyError"),
    ],
)
def test_an_exception_is_told_in_one_line(error: BaseException, told: str) -> None:
    assert in_one_line(error).rstrip(": ") == told
