from __future__ import annotations

import pytest
import torch

from scorebench.doctor.devices import devices
from scorebench.doctor.finding import Finding


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in devices()}


def test_the_cpu_works() -> None:
    cpu = found()["cpu"]
    assert (cpu.text, cpu.state) == (f"threads: {torch.get_num_threads()}", "ok")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_why_there_is_no_cuda_is_told_in_one_line() -> None:
    cuda = found()["cuda"]
    assert cuda.state == "missing"
    assert "\n" not in cuda.text
    with pytest.raises((RuntimeError, AssertionError)) as raised:
        torch.cuda.init()
    assert cuda.text == " ".join(str(raised.value).split())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_every_gpu_is_tried_and_told() -> None:
    told = found()
    assert "cuda" not in told
    for index in range(torch.cuda.device_count()):
        gpu = told[f"cuda:{index}"]
        assert gpu.state == "ok"
        assert gpu.text.startswith(torch.cuda.get_device_name(index))
        assert 0 < gpu.facts["free"] <= gpu.facts["total"]
        assert gpu.facts["cuda"] == torch.version.cuda


def test_a_gpu_that_cannot_compute_is_broken_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 101)
    told = found()  # torch itself refuses, without a GPU and with fewer
    assert told["cpu"].state == "ok"
    assert told["cuda:100"].state == "broken"
    assert "\n" not in told["cuda:100"].text
