"""Files that shipped components read: saved pipelines, images, published statistics."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import scorebench
from scorebench import Context
from scorebench_plugins.metrics.published_statistics import read_statistics

from .budget import inputs
from .spoiling import spoiled_bytes, spoiled_values
from .watch import reading


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of random weights that diffusers has saved."""
    folder = tmp_path_factory.mktemp("pipeline") / "made"
    with torch.random.fork_rng():
        network = diffusers.UNet2DModel(
            sample_size=8,
            in_channels=2,
            out_channels=2,
            block_out_channels=(8,),
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=4,
        )
    network.save_pretrained(folder / "unet")
    diffusers.DDPMScheduler(num_train_timesteps=20).save_pretrained(folder / "scheduler")
    load_pipeline(folder)
    return folder


def load_pipeline(folder: Path) -> Any:
    return scorebench.build("score_model", "diffusers", checkpoint=str(folder)).load(Context())


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


KINDS = {"png": "PNG", "jpg": "JPEG", "bmp": "BMP", "gif": "GIF", "tif": "TIFF", "ppm": "PPM"}
KINDS["webp"] = "WEBP"
IMAGES = {suffix: encoded(kind) for suffix, kind in KINDS.items()}


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


ARCHIVES = [
    archive(
        **{f"train/{i}.{suffix}": content for i, (suffix, content) in enumerate(IMAGES.items())}
    ),
    archive(**{f"../../x/{suffix}.{suffix}": content for suffix, content in IMAGES.items()}),
]


def statistics() -> list[bytes]:
    plain, packed = io.BytesIO(), io.BytesIO()
    np.savez(plain, mu=np.zeros(3), sigma=np.eye(3))
    np.savez_compressed(packed, mu=np.zeros(3, np.float32), sigma=np.eye(3, dtype=np.float32))
    return [plain.getvalue(), packed.getvalue()]


@inputs("pipelines")
@given(st.integers(0, 2), st.data())
def test_spoiled_pipelines(pipeline: Path, tmp_path: Path, which: int, data: st.DataObject) -> None:
    folder = Path(shutil.copytree(pipeline, tmp_path / "made", dirs_exist_ok=True))
    path = [
        folder / "unet" / "config.json",
        folder / "scheduler" / "scheduler_config.json",
        folder / "unet" / "diffusion_pytorch_model.safetensors",
    ][which]
    sound = path.read_bytes()
    bytes_ = spoiled_bytes([sound])
    if path.suffix == ".json":
        values = spoiled_values([json.loads(sound)]).map(lambda value: json.dumps(value).encode())
        path.write_bytes(data.draw(values | bytes_))
    else:
        path.write_bytes(data.draw(bytes_))
    reading(lambda: load_pipeline(folder))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of files that it can read in part
@inputs("image files")
@given(st.sampled_from([*sorted(IMAGES), "zip"]), st.data())
def test_spoiled_images(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    (folder := tmp_path / "images").mkdir(exist_ok=True)
    sound = ARCHIVES if suffix == "zip" else [IMAGES[suffix]]
    path = tmp_path / "images.zip" if suffix == "zip" else folder / f"image.{suffix}"
    path.write_bytes(data.draw(spoiled_bytes(sound)))
    place = path if suffix == "zip" else folder

    def load() -> None:
        images = scorebench.build("dataset", "image_folder", path=place, size=4).load(Context())
        images.x[:]
        images.x.content_digest()

    try:
        reading(load)
    finally:
        path.unlink()


@inputs("statistics")
@given(spoiled_bytes(statistics()))
def test_spoiled_statistics(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "statistics.npz").write_bytes(content)
    reading(lambda: read_statistics(path))
