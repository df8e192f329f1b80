from __future__ import annotations

import hashlib
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from scorebench import Context, UserError
from scorebench_plugins.datasets.cifar10 import BATCHES, Cifar10

ROWS = 4


def rows(name):
    """What a batch file holds: pixels by channel, row and column."""
    seed = int(hashlib.md5(name.encode()).hexdigest()[:8], 16)
    return np.random.default_rng(seed).integers(0, 256, (ROWS, 3072), np.uint8)


def write_batches(folder):
    """Files in the original's format, four images each."""
    (folder / BATCHES).mkdir(parents=True)
    for i, (name, _) in enumerate(CIFAR10.train_list + CIFAR10.test_list):
        batch = {"data": rows(name), "labels": [i] * ROWS}
        (folder / BATCHES / name).write_bytes(pickle.dumps(batch))
    (folder / BATCHES / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdef")}))


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def batches(tmp_path, monkeypatch):
    """A small copy in the original's format, whose sums torchvision is made to accept."""
    folder = tmp_path / "original"
    write_batches(folder)
    for files in ("train_list", "test_list"):
        sums = [[name, md5(folder / BATCHES / name)] for name, _ in getattr(CIFAR10, files)]
        monkeypatch.setattr(CIFAR10, files, sums)
    meta = {**CIFAR10.meta, "md5": md5(folder / BATCHES / "batches.meta")}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    return folder


@pytest.fixture
def offline(tmp_path, monkeypatch):
    monkeypatch.setattr(CIFAR10, "url", (tmp_path / "unplugged.tar.gz").as_uri())


@pytest.fixture
def images(tmp_path):
    """A small copy as images in folders by split and class."""
    for split, count in (("train", 3), ("test", 2)):
        for number, name in enumerate(("truck", "airplane", "bird")):
            for i in range(count):
                file = tmp_path / "images" / split / name / f"{i}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (32, 32), (number, i, 7)).save(file)
    return tmp_path / "images"


def load(tmp_path, **parameters):
    return Cifar10(**parameters).load(Context(cache_dir=tmp_path / "cache"))


@pytest.mark.parametrize(("split", "count"), [("train", 3), ("test", 2)])
def test_a_folder_of_images(tmp_path, images, split, count):
    data = load(tmp_path, split=split, path=images)
    assert data.x.shape == (3 * count, 3, 32, 32)
    assert data.labels.tolist() == [c for c in range(3) for _ in range(count)]
    assert data.x[:1].float().mean((0, 2, 3)).tolist() == [1, 0, 7]  # airplane/0.png
    assert data.value_range == (0, 255)


def test_a_zip_of_images(tmp_path, images):
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for file in images.rglob("*.png"):
            archive.write(file, file.relative_to(images))
    packed = load(tmp_path, path=tmp_path / "images.zip")
    assert packed.x[:].equal(load(tmp_path, path=images).x[:])


@pytest.mark.parametrize("inside", [False, True])
def test_the_original_files(tmp_path, batches, inside):
    path = batches / BATCHES if inside else batches
    train, test = (load(tmp_path, split=split, path=path) for split in ("train", "test"))
    assert train.x.shape == (5 * ROWS, 3, 32, 32)
    assert isinstance(train.x, torch.Tensor)
    assert train.x.dtype == torch.uint8
    assert train.x.is_contiguous()
    assert train.labels.tolist() == [i for i in range(5) for _ in range(ROWS)]
    assert train.value_range == (0, 255)
    assert test.x.numpy().reshape(ROWS, -1).tolist() == rows("test_batch").tolist()
    assert test.labels.tolist() == [5] * ROWS


@pytest.mark.usefixtures("offline")
def test_the_cache_folder_is_used_without_a_network(tmp_path, batches):
    shutil.copytree(batches, tmp_path / "cache")
    assert load(tmp_path).x.equal(load(tmp_path, path=batches).x)


def test_a_download_appears_whole_and_alone(tmp_path, batches, monkeypatch):
    monkeypatch.setattr(
        CIFAR10,
        "download",
        lambda self: shutil.copytree(batches / BATCHES, f"{self.root}/{BATCHES}"),
    )
    assert load(tmp_path).x.equal(load(tmp_path, path=batches).x)
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [BATCHES]


def test_another_process_may_download_at_the_same_time(tmp_path, batches, monkeypatch):
    def slowly(self):
        shutil.copytree(batches / BATCHES, f"{self.root}/{BATCHES}")
        shutil.copytree(batches / BATCHES, tmp_path / "cache" / BATCHES)

    monkeypatch.setattr(CIFAR10, "download", slowly)
    assert len(load(tmp_path)) == 5 * ROWS


@pytest.mark.usefixtures("offline")
def test_offline(tmp_path):
    with pytest.raises(UserError, match=r"can't be downloaded into .*cifar10, path: \.\.\.") as e:
        load(tmp_path)
    assert "\n" not in str(e.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(UserError, match="can't be downloaded into"):
        load(tmp_path)


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "batches.meta"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_files_that_differ_from_the_original_are_never_unpickled(tmp_path, batches, name, split):
    (batches / BATCHES / name).write_bytes(pickle.dumps(Trap(tmp_path / "trace")))
    with pytest.raises(UserError, match=f"{BATCHES} is incomplete or not the original; remove it"):
        load(tmp_path, split=split, path=batches)
    assert not (tmp_path / "trace").exists()


def test_without_accepted_sums_nothing_is_unpickled(tmp_path, monkeypatch):
    write_batches(tmp_path / "fake")
    monkeypatch.setattr(pickle, "load", pytest.fail)
    with pytest.raises(UserError, match="not the original"):
        load(tmp_path, path=tmp_path / "fake")


def test_missing_files(tmp_path, batches):
    (batches / BATCHES / "data_batch_3").unlink()
    with pytest.raises(UserError, match="incomplete"):
        load(tmp_path, path=batches)


def test_missing_copy(tmp_path):
    with pytest.raises(UserError, match=r"there is no folder or zip .*nowhere"):
        load(tmp_path, path=tmp_path / "nowhere")


def test_missing_split(tmp_path, images):
    shutil.rmtree(images / "test")
    with pytest.raises(UserError, match="no images in test/; its subfolders are train"):
        load(tmp_path, split="test", path=images)


@pytest.mark.parametrize(("name", "size"), [("bird/0.png", 64), ("0.png", 32)])
def test_other_images(tmp_path, name, size):
    file = tmp_path / "images" / "train" / name
    file.parent.mkdir(parents=True)
    Image.new("RGB", (size, size)).save(file)
    with pytest.raises(UserError, match=r"isn't a copy of CIFAR-10: .* 32×32 .* train/<class>/"):
        load(tmp_path, path=tmp_path / "images")
