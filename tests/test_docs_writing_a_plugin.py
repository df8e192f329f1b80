"""docs/writing-a-plugin.md, followed to the letter in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Python

PAGE = Path(__file__).parent.parent / "docs" / "writing-a-plugin.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
# Into a folder of the test's own, with what is installed here.
PIP = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", "site")
DECIMAL = re.compile(r"\d+\.\d+(?:e[+-]\d+)?")


def run(line: str, python: Python, site: str) -> str:
    """Run a line of a console block and give its output; it may announce an exit code."""
    command, _, remark = line.partition("  # exit code ")
    module, *words = shlex.split(command)
    extra = PIP if module == "pip" else ()
    # -P: nothing is imported from the current folder, as in a command that was installed.
    words = ["-P", "-m", module, *words, *extra]
    return python(*words, code=int(remark or 0), PYTHONPATH=site).stdout


def patched(text: str, diff: str) -> str:
    """A text after a diff whose hunks are parted by @@."""
    for hunk in re.split(r"^@@\n", diff, flags=re.M):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def agrees(shown: str, line: str) -> bool:
    """Whether a line of output begins with what is shown; decimals may differ a little."""
    shown, line = (" ".join(text.split()) for text in (shown, line))
    if not DECIMAL.sub("#", line).startswith(DECIMAL.sub("#", shown)):
        return False
    pairs = zip(DECIMAL.findall(shown), DECIMAL.findall(line), strict=False)
    return all(float(a) == pytest.approx(float(b), rel=0.03, abs=1e-9) for a, b in pairs)


@pytest.mark.slow
def test_the_page_is_what_happens(tmp_path: Path, python: Python) -> None:
    output, site = "", str(tmp_path / "site")
    for language, block in BLOCKS:
        first, _, rest = block.partition("\n")
        file = tmp_path / first.removeprefix("# ")
        if language == "console":
            output = "".join(run(line, python, site) for line in block.splitlines())
        elif language == "text":
            for shown in block.splitlines():
                assert any(agrees(shown, line) for line in output.splitlines()), shown + output
        elif language == "diff":
            file.write_text(patched(file.read_text(), rest))
        else:
            file.write_text(rest)
