from __future__ import annotations

from collections.abc import Iterator

import pytest

from scorebench.doctor.finding import Finding, attempted

FIRST = Finding("cuda:0", "works")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("CUDA error:\n  out of memory"), "RuntimeError: CUDA error: out of memory"),
        (OSError(), "OSError"),
        (SystemExit(3), "calls sys.exit(3)"),
    ],
)
def test_a_query_that_raises_is_a_finding_after_its_others(error: BaseException, told: str) -> None:
    def query() -> Iterator[Finding]:
        yield FIRST
        raise error

    first, last = attempted("devices", query)
    assert first is FIRST
    assert (last.name, last.state) == ("devices", "broken")
    assert last.text.startswith(told)


def test_the_user_may_still_interrupt() -> None:
    def query() -> Iterator[Finding]:
        yield FIRST
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempted("devices", query)
