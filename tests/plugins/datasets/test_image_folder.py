from __future__ import annotations

import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from scorebench import Context, UserError
from scorebench_plugins.datasets.image_folder import ImageFolder


def picture(seed, width=8, height=6, channels=3):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(pixels.squeeze())


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def pixels(image):
    return torch.from_numpy(np.array(image)).reshape(image.height, image.width, -1).permute(2, 0, 1)


def packed(folder, compression=zipfile.ZIP_DEFLATED):
    target = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(target, "w", compression) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return target


def load(path, **parameters):
    return ImageFolder(path=path, **parameters).load(Context())


def digest(path, **parameters):
    return load(path, **parameters).x.content_digest()


def png(width, height):
    """A tiny file that claims to be a PNG of any size."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


@pytest.fixture
def pets(tmp_path):
    """Two splits of three classes; two images in each."""
    folder = tmp_path / "pets"
    for s, split in enumerate(("train", "test")):
        for c, name in enumerate(("dog", "cat", "asp")):
            for i in range(2):
                save(folder / split / name / f"{i}.png", picture(100 * s + 10 * c + i))
    return folder


@pytest.fixture(params=["folder", "zip"])
def kept(request):
    """How images are kept: as they are, or packed into a zip."""
    return (lambda folder: folder) if request.param == "folder" else packed


def test_a_split_with_classes(pets, kept):
    data = load(kept(pets), split="train")
    assert data.x.shape == (6, 3, 6, 8)
    assert len(data) == len(data.x) == 6
    assert data.event_shape == (3, 6, 8)
    assert data.x.dtype == data.x[:].dtype == torch.uint8
    assert data.value_range == (0, 255)
    assert data.labels.dtype == torch.int64
    assert data.labels.tolist() == [0, 0, 1, 1, 2, 2]
    expected = [pixels(picture(seed)) for seed in (20, 21, 10, 11, 0, 1)]
    assert data.x[:].equal(torch.stack(expected))
    assert data.x[1:5:2].equal(torch.stack(expected[1:5:2]))
    assert torch.cat(list(data.batches(4))).equal(data.x[:])
    assert data.x[6:].shape == (0, 3, 6, 8)


def test_without_split_the_first_subfolder_is_the_class(pets, kept):
    assert load(kept(pets)).labels.tolist() == [0] * 6 + [1] * 6


def test_a_split_may_lie_deeper(pets, kept):
    data = load(kept(pets), split="train/cat/")
    assert data.labels is None
    assert data.x[:].equal(torch.stack([pixels(picture(10)), pixels(picture(11))]))


def test_a_flat_folder_has_no_labels(tmp_path, kept):
    for i in (2, 0, 1):
        save(tmp_path / "flat" / f"{i}.bmp", picture(i))
    data = load(kept(tmp_path / "flat"))
    assert data.labels is None
    assert data.x[:].equal(torch.stack([pixels(picture(i)) for i in range(3)]))


def test_an_image_beside_the_classes_leaves_none_labelled(pets, kept):
    save(pets / "cover.png", picture(0))
    assert load(kept(pets)).labels is None


def test_what_is_no_image_is_ignored(pets, kept):
    before = load(kept(pets)).x[:]
    save(pets / "train" / "dog" / ".thumbnail.png", picture(0, 3, 3))
    save(pets / ".cache" / "0.png", picture(0, 3, 3))
    save(pets / "__MACOSX" / "train" / "dog" / "0.png", picture(0, 3, 3))
    (pets / "train" / "notes.txt").write_text("two of each")
    assert load(kept(pets)).x[:].equal(before)


@pytest.mark.parametrize("suffix", ["png", "PNG", "bmp", "ppm", "tif", "tiff", "webp"])
def test_lossless_formats(tmp_path, suffix):
    file = tmp_path / "images" / f"0.{suffix}"
    lossless = {"lossless": True} if suffix == "webp" else {}
    file.parent.mkdir()
    picture(0).save(file, **lossless)
    assert load(file.parent).x[:].equal(pixels(picture(0))[None])


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "gif"])
def test_lossy_formats(tmp_path, suffix):
    file = tmp_path / f"0.{suffix}"
    Image.linear_gradient("L").resize((16, 16)).save(file)
    expected = pixels(Image.linear_gradient("L").resize((16, 16))).int()
    assert (load(tmp_path).x[:].int() - expected).abs().max() < 16


@pytest.mark.parametrize(("mode", "channels"), [("rgb", 3), ("grayscale", 1)])
@pytest.mark.parametrize("stored", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_modes(tmp_path, stored, mode, channels):
    image = picture(0).convert(stored)
    save(tmp_path / "0.tif", image)
    x = load(tmp_path, mode=mode).x
    assert x.shape == (1, channels, 6, 8)
    assert x[:][0].equal(pixels(image.convert("RGB" if mode == "rgb" else "L")))


def test_size_resizes_with_antialiasing(tmp_path, kept):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    save(tmp_path / "all" / "0.png", Image.fromarray(stripes))
    save(tmp_path / "all" / "1.png", picture(1, 20, 30))
    data = load(kept(tmp_path / "all"), size=16)
    assert data.x.shape == (2, 3, 16, 16)
    first, second = data.x[:]
    assert first[:, :, 1:-1].float().sub(127.5).abs().max() < 16  # not the stripes' 0 or 255
    assert second.equal(pixels(picture(1, 20, 30).resize((16, 16), Image.Resampling.BICUBIC)))


def test_nothing_is_read_before_it_is_needed(tmp_path, kept):
    for i in range(3):
        save(tmp_path / "all" / f"{i}.png", picture(i))
    (tmp_path / "all" / "2.png").write_bytes(b"no image")
    data = load(kept(tmp_path / "all"))
    assert data.x[:2].shape == (2, 3, 6, 8)
    with pytest.raises(UserError, match=r"2\.png in .*all\S* can't be read .*damaged"):
        data.x[2:]


def test_a_zip_is_read_in_place(pets):
    archive = packed(pets, zipfile.ZIP_STORED)
    before = sorted(pets.parent.rglob("*"))
    assert load(archive).x[:].equal(load(pets).x[:])
    assert sorted(pets.parent.rglob("*")) == before


def test_names_in_a_zip_lead_nowhere(tmp_path):
    save(tmp_path / "secret.png", picture(0))
    content = (tmp_path / "secret.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("../secret.png", b"hidden, so never read")
        archive.writestr(f"{tmp_path}/secret.png", content)
        archive.writestr("z.png", content)
    (tmp_path / "secret.png").unlink()
    assert load(tmp_path / "all.zip").x[:].shape == (2, 3, 6, 8)
    assert not (tmp_path / "secret.png").exists()


class TestDigest:
    def test_is_the_same_for_the_same_images(self, pets, kept):
        assert digest(kept(pets)) == digest(kept(pets))

    def test_sees_one_changed_image(self, pets, kept):
        before = digest(kept(pets))
        save(pets / "test" / "cat" / "1.png", picture(999))
        assert digest(kept(pets)) != before

    def test_sees_a_flipped_bit(self, pets):
        before = digest(pets)
        file = pets / "test" / "cat" / "1.png"
        content = bytearray(file.read_bytes())
        content[-20] ^= 1
        file.write_bytes(content)
        assert digest(pets) != before

    def test_sees_a_renamed_image(self, pets, kept):
        before = digest(kept(pets))
        (pets / "test" / "cat" / "1.png").rename(pets / "test" / "dog" / "2.png")
        assert digest(kept(pets)) != before

    def test_sees_every_parameter(self, pets, kept):
        path = kept(pets)
        choices = [{}, {"split": "test"}, {"size": 4}, {"size": 5}, {"mode": "grayscale"}]
        assert len({digest(path, **choice) for choice in choices}) == len(choices)

    def test_does_not_see_other_files(self, pets, kept):
        before = digest(kept(pets), split="train")
        (pets / "train" / "notes.txt").write_text("hello")
        save(pets / "test" / "cat" / "1.png", picture(999))
        assert digest(kept(pets), split="train") == before


def error_of(path, **parameters):
    """The message, one line, of the error met while loading and reading everything."""
    with pytest.raises(UserError) as caught:
        load(path, **parameters).x[:]
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_missing(tmp_path):
    assert "there is no folder or zip" in error_of(tmp_path / "nowhere")


def test_not_a_zip(tmp_path):
    (tmp_path / "all.zip").write_text("hello")
    assert "neither a folder nor a zip" in error_of(tmp_path / "all.zip")


def test_no_images(tmp_path, kept):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "notes.txt").write_text("hello")
    assert "holds no images (.bmp, " in error_of(kept(tmp_path / "all"))


def test_unknown_split(pets, kept):
    message = error_of(kept(pets), split="valid")
    assert "no images in valid/; its subfolders are test, train" in message


def test_split_of_a_flat_folder(tmp_path, kept):
    save(tmp_path / "all" / "0.png", picture(0))
    assert "leave split out" in error_of(kept(tmp_path / "all"), split="train")


def test_many_subfolders_are_not_all_listed(tmp_path):
    for i in range(11):
        save(tmp_path / f"class{i:02}" / "0.png", picture(i))
    assert error_of(tmp_path, split="train").endswith("class08, class09 …")


def test_different_sizes(tmp_path, kept):
    save(tmp_path / "all" / "0.png", picture(0, 8, 6))
    save(tmp_path / "all" / "1.png", picture(1, 9, 6))
    message = error_of(kept(tmp_path / "all"))
    assert "0.png is 8×6, 1.png is 9×6 pixels; give size" in message


def test_truncated_image(pets, kept):
    file = pets / "train" / "cat" / "1.png"
    file.write_bytes(file.read_bytes()[:-40])
    assert "train/cat/1.png in " in error_of(kept(pets))


def test_pipe(pets):
    (pets / "train" / "cat" / "1.png").unlink()
    os.mkfifo(pets / "train" / "cat" / "1.png")
    assert "can't be read (not a file)" in error_of(pets)


def test_damaged_zip(pets):
    archive = packed(pets, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    content[content.index(b"IDAT") + 30] ^= 1
    archive.write_bytes(content)
    assert "Bad CRC-32" in error_of(archive)


def test_encrypted_zip(tmp_path):
    save(tmp_path / "all" / "0.png", picture(0))
    archive = packed(tmp_path / "all")
    content = bytearray(archive.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + flags] |= 1
    archive.write_bytes(content)
    assert "encrypted" in error_of(archive)


def test_decompression_bomb(tmp_path, kept):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "0.png").write_bytes(png(30_000, 30_000))
    message = error_of(kept(tmp_path / "all"))
    assert "0.png in " in message
    assert "exceeds limit" in message


def test_enormous_member_of_a_zip_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.png", png(8, 6))
    content = bytearray((tmp_path / "all.zip").read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 0xFFFF_FFF0)
    (tmp_path / "all.zip").write_bytes(content)
    assert "larger than" in error_of(tmp_path / "all.zip")


def test_sixteen_bits_are_refused(tmp_path, kept):
    deep = Image.fromarray(np.full((6, 8), 40_000, np.uint16))
    save(tmp_path / "all" / "0.png", deep)
    assert "more than 8 bits" in error_of(kept(tmp_path / "all"))


def test_a_file_that_vanishes(pets):
    data = load(pets)
    (pets / "train" / "dog" / "1.png").unlink()
    with pytest.raises(UserError, match=r"train/dog/1\.png in .* can't be read"):
        data.x[:]


def test_a_subfolder_that_may_not_be_listed(pets, monkeypatch):
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert "dog can't be listed: Permission denied" in error_of(pets)
