from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scorebench.cli.output import tolerant
from tests.conftest import Python

ROWS = "sampler,sampler.n,fid\n" + "".join(f"heun,{n},{n}.5\n" for n in range(3000))


@pytest.mark.parametrize("streams", ["stdout", "stdout stderr"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_report_whose_reader_has_left_is_written_all_the_same(
    tmp_path: Path, environment: dict[str, str], streams: str, unbuffered: str
) -> None:
    (tmp_path / "table.csv").write_text(ROWS)
    reading, writing = os.pipe()
    os.close(reading)
    both = "stderr" in streams
    done = subprocess.run(
        [sys.executable, "-m", "scorebench", "report", "table.csv", "--export", "table.json"],
        cwd=tmp_path,
        env={**environment, "PYTHONUNBUFFERED": unbuffered},
        stdout=writing,
        stderr=writing if both else subprocess.PIPE,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, None if both else b"")
    assert (tmp_path / "table.html").stat().st_size > 100_000
    assert (tmp_path / "table.json").stat().st_size > 100_000


def test_a_reader_that_leaves_has_what_was_written_before() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="ascii") as stream:
        output = tolerant(stream)
        print("seen σ", file=output, flush=True)
        assert os.read(reading, 100) == b"seen ?\n"
        os.close(reading)
        print("lost", file=output, flush=True)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_is_buffered_as_asked_for(python: Python, unbuffered: str) -> None:
    told = "import sys; from scorebench.cli.output import tolerant; t = tolerant(sys.stdout);"
    told += "print('seen', file=t); import os; os._exit(0)"
    done = python("-c", told, PYTHONUNBUFFERED=unbuffered)
    assert done.stdout == ("seen\n" if unbuffered else "")


def test_a_stream_in_the_place_of_standard_output_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert tolerant(sys.stdout) is sys.stdout
