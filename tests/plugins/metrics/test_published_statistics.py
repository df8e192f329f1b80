from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorebench import UserError
from scorebench_plugins.metrics.published_statistics import read_statistics

SIGMA = np.array([[2.0, 1.0], [1.0, 3.0]])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mean_and_covariance_are_read_in_float64(save: Any, dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "cifar10.npz"
    save(path, mu=np.array([0.5, -1], dtype), sigma=SIGMA.astype(dtype), more=np.zeros(1))
    statistics = read_statistics(path)
    assert statistics.mean.tolist() == [0.5, -1]
    assert statistics.covariance.tolist() == SIGMA.tolist()
    assert statistics.mean.dtype == statistics.covariance.dtype == np.float64
    assert statistics.count == 0


def test_rounding_of_float32_is_no_asymmetry(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, mu=np.zeros(2), sigma=SIGMA + np.array([[0, 1e-7], [0, 0]]))
    covariance = read_statistics(path).covariance
    assert covariance[0, 1] == covariance[1, 0]


def test_eigenvalues_that_are_negative_by_rounding_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, mu=np.zeros(2), sigma=np.diag([1, -1e-7]))
    assert read_statistics(path).covariance[1, 1] == -1e-7


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"mean": np.zeros(2)}, "but there is no mu and no sigma, just mean"),
        (
            {"mu": np.zeros(2), "cov": SIGMA},
            "expected arrays mu and sigma, but there is no sigma, just mu, cov",
        ),
        ({}, "but there is no mu and no sigma, just nothing"),
        ({"mu": np.zeros(3), "sigma": SIGMA}, r"of shape \[d, d\], got \[3\] and \[2, 2\]"),
        ({"mu": np.zeros((1, 2)), "sigma": SIGMA}, r"got \[1, 2\] and \[2, 2\]"),
        ({"mu": np.zeros(0), "sigma": np.zeros((0, 0))}, r"got \[0\] and \[0, 0\]"),
        ({"mu": np.zeros(2), "sigma": SIGMA * [[1, np.nan], [1, 1]]}, "expected finite values"),
        ({"mu": np.array([0, np.inf]), "sigma": SIGMA}, "expected finite values"),
        ({"mu": np.zeros(2), "sigma": np.array([[1, 0], [1, 1]])}, "expected a symmetric sigma"),
        ({"mu": np.zeros(2), "sigma": -SIGMA}, "expected a sigma without negative eigenvalues"),
        ({"mu": np.zeros(2), "sigma": SIGMA - 2 * np.eye(2)}, "are from -0.618.* to 1.618"),
        ({"mu": np.array([0, 1e49]), "sigma": SIGMA}, r"of features within ±1e\+48"),
        ({"mu": np.zeros(2), "sigma": SIGMA * 1e98}, r"of features within ±1e\+48"),
        ({"mu": np.zeros(2), "sigma": SIGMA + 1j}, "of real numbers, got float64 and complex128"),
        ({"mu": np.zeros(2, "M8[s]"), "sigma": SIGMA}, r"of real numbers, got datetime64\[s\]"),
        ({"mu": np.zeros(2), "sigma": np.array([["a", "b"]] * 2)}, "of real numbers, got float64"),
        ({"mu": np.array([{}, {}]), "sigma": SIGMA}, "but Object arrays cannot be loaded"),
    ],
)
def test_arrays_that_are_no_statistics(arrays: dict[str, Any], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=rf"^\S*x\.npz: .*{reason}") as error:
        read_statistics(path)
    assert "\n" not in str(error.value)


def test_files_that_are_no_archives(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with pytest.raises(UserError, match=r"x\.npz: there is no such file of statistics$"):
        read_statistics(path)
    with path.open("wb") as file:
        np.save(file, SIGMA)
    array = path.read_bytes()
    for content in (array, pickle.dumps({"mu": 0, "sigma": 1}), b"", b"<html>"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x\.npz: expected statistics as an \.npz archive"):
            read_statistics(path)


def test_an_archive_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, mu=np.zeros(2), sigma=SIGMA)
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(3).tobytes())] ^= 255
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.npz: .*Bad CRC-32"):
        read_statistics(path)
    for place, flags in ((8, 1), (8, 32), (6, 255), (10, 14)):  # encrypted, patched, new, LZMA
        np.savez(path, mu=np.zeros(2), sigma=SIGMA)
        content = bytearray(path.read_bytes())
        for magic, before in ((b"PK\x03\x04", 2), (b"PK\x01\x02", 0)):
            content[content.index(magic) + place - before] = flags
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x\.npz: expected statistics as an \.npz archive"):
            read_statistics(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mu.npy", "not an array")
        archive.writestr("sigma.npy", "nor this")
    with pytest.raises(UserError, match=r"x\.npz: expected"):
        read_statistics(path)
