"""The paper's data sets in all forms that a user may have, from small files."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from made import chunk
from PIL import Image

import svcodec
from svcodec.training.datasets import CELEBA_SPLITS, ImageSet, augment, load
from svcodec.training.photos import read_photo


def noise(index: int, height: int = 32, width: int = 32) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)


def record(index: int) -> bytes:
    """A label and an image as CIFAR-10's binary files have them."""
    return bytes([index % 10]) + noise(index).transpose(2, 0, 1).tobytes()


@pytest.fixture
def batches() -> dict[str, bytes]:
    """Five times four images to train on, three to test."""
    found = {f"data_batch_{i}.bin": b"".join(record(4 * i + j) for j in range(4)) for i in range(1, 6)}
    return found | {"test_batch.bin": b"".join(record(100 + j) for j in range(3))}


def check_cifar(images: ImageSet) -> None:
    """All 20 + 3, each once, 15% held out."""
    assert (len(images.training), len(images.held_out), len(images.testing)) == (17, 3, 3)
    assert images.augmented
    found = {image.numpy().tobytes() for image in torch.cat([images.training, images.held_out])}
    assert found == {noise(i).transpose(2, 0, 1).tobytes() for i in range(4, 24)}
    assert images.testing[0].numpy().tobytes() == noise(100).transpose(2, 0, 1).tobytes()


def test_cifar10_in_all_its_forms(tmp_path: Path, batches: dict[str, bytes]) -> None:
    folder = tmp_path / "binary" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, content in batches.items():
        (folder / name).write_bytes(content)
    check_cifar(load("cifar10", tmp_path / "binary", 32))
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        archive.add(folder, "cifar-10-batches-bin")
    check_cifar(load("cifar10", tmp_path / "cifar-10-binary.tar.gz", 32))
    arrays = {
        "x_train": np.stack([noise(i) for i in range(4, 24)]),
        "x_test": np.stack([noise(100 + j) for j in range(3)]),
    }
    np.savez(tmp_path / "cifar10.npz", **arrays)
    check_cifar(load("cifar10", tmp_path / "cifar10.npz", 32))
    for split, samples in (("train", arrays["x_train"]), ("test", arrays["x_test"])):
        for i, image in enumerate(samples):
            path = tmp_path / "folders" / split / str(i % 2) / f"{i:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    found = load("cifar10", tmp_path / "folders", 32)
    assert (len(found.training), len(found.held_out), len(found.testing)) == (17, 3, 3)


def test_damaged_cifar10(tmp_path: Path, batches: dict[str, bytes]) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(batches["data_batch_1.bin"])
    with pytest.raises(svcodec.InputError, match=r"no data_batch_2\.bin"):
        load("cifar10", tmp_path, 32)
    for name, content in batches.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "data_batch_3.bin").write_bytes(batches["data_batch_3.bin"][:-1])
    with pytest.raises(svcodec.InputError, match=r"data_batch_3\.bin is no whole binary file"):
        load("cifar10", tmp_path, 32)
    for name, text in (("a.tar.gz", "no archive"), ("a.npz", "no NumPy archive")):
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(svcodec.InputError, match=text):
            load("cifar10", tmp_path / name, 32)
    np.savez(tmp_path / "wrong.npz", x_train=np.zeros((4, 3, 32, 32), np.float32), x_test=np.zeros(1))
    with pytest.raises(svcodec.InputError, match="x_train must be uint8"):
        load("cifar10", tmp_path / "wrong.npz", 32)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.array([{"a": 1}], object), x_test=np.zeros(1))
    with pytest.raises(svcodec.InputError, match="no NumPy archive"):
        load("cifar10", tmp_path / "a.npz", 32)


def test_tiny_imagenet_from_its_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "tiny.zip", "w") as archive:
        for split, count in (("train", 20), ("val", 4)):
            for i in range(count):
                file = io.BytesIO()
                Image.fromarray(noise(i, 64, 64)).save(file, "PNG")
                archive.writestr(f"{split}/n0{i}/images/{i}.png", file.getvalue())
    whole = load("tiny-imagenet", tmp_path / "tiny.zip", 64)
    assert whole.training.shape == (17, 3, 64, 64)
    assert (len(whole.held_out), len(whole.testing)) == (3, 4)
    half = load("tiny-imagenet", tmp_path / "tiny.zip", 32)
    assert half.testing.shape == (4, 3, 32, 32)
    assert float(half.testing.float().mean()) == pytest.approx(float(whole.testing.float().mean()), abs=1)


def test_imagenette64_has_the_middle_squares(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for i in range(7):
            samples = np.zeros((20, 30, 3), np.uint8)
            samples[:, 5:25] = 10 * i
            path = tmp_path / split / "n01440764" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(samples).save(path)
    images = load("imagenette64", tmp_path, 64)
    assert images.testing.shape == (7, 3, 64, 64)
    assert sorted(images.testing.flatten(1).float().mean(1).tolist()) == [10 * i for i in range(7)]
    assert images.augmented


def test_celeba_crops_and_splits(tmp_path: Path) -> None:
    for i in range(10):
        samples = np.zeros((218, 178, 3), np.uint8)
        samples[40:188, 15:163] = 100 + i
        Image.fromarray(samples).save(tmp_path / f"{i}.png")
    (tmp_path / CELEBA_SPLITS).write_text("".join(f"{i}.png {0 if i < 7 else i - 7}\n" for i in range(10)))
    images = load("celeba", tmp_path, 64)
    assert (len(images.training), len(images.held_out), len(images.testing)) == (8, 1, 1)
    assert not images.augmented
    assert images.testing.unique().tolist() == [109]
    assert images.training.min() >= 100
    for content in (b"1.png\n", b"caf\xe9.jpg 0\n"):
        (tmp_path / CELEBA_SPLITS).write_bytes(content)
        with pytest.raises(svcodec.InputError, match="no list of CelebA's splits"):
            load("celeba", tmp_path, 64)
    (tmp_path / CELEBA_SPLITS).unlink()
    images = load("celeba", tmp_path, 64)
    assert torch.equal(images.testing, images.held_out)
    assert len(images.held_out) == 2
    for size in ((100, 218), (300, 300)):
        Image.new("RGB", size).save(tmp_path / "0.png")
        with pytest.raises(svcodec.InputError, match=f"{size[0]} x {size[1]} pixels: .* aligned images have 178 x 218"):
            load("celeba", tmp_path, 64)


def test_celebas_list_beside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "aligned").mkdir()
    for i in range(10):
        Image.new("RGB", (178, 218), (i, 0, 0)).save(tmp_path / "aligned" / f"{i}.png")
    (tmp_path / CELEBA_SPLITS).write_text("".join(f"{i}.png {2 if i == 4 else 0}\n" for i in range(10)) + "\n")
    for path in (tmp_path, tmp_path / "aligned"):
        assert load("celeba", path, 64).testing[:, 0].unique().tolist() == [4]
    (tmp_path / "Eval").mkdir()
    (tmp_path / CELEBA_SPLITS).rename(tmp_path / "Eval" / CELEBA_SPLITS)
    assert load("celeba", tmp_path, 64).testing[:, 0].unique().tolist() == [4]
    with zipfile.ZipFile(tmp_path / "celeba.zip", "w") as archive:
        for file in tmp_path.rglob("*.*"):
            if file.suffix != ".zip":
                archive.write(file, file.relative_to(tmp_path))
    assert load("celeba", tmp_path / "celeba.zip", 64).testing[:, 0].unique().tolist() == [4]
    (tmp_path / CELEBA_SPLITS).write_text("000001.jpg 0\n")
    with pytest.raises(svcodec.InputError, match="several files"):
        load("celeba", tmp_path, 64)
    with pytest.raises(svcodec.InputError, match=r"0\.png is not in .*list_eval_partition"):
        load("celeba", tmp_path / "aligned", 64)


def test_folders_of_test_images(tmp_path: Path) -> None:
    for folder, count in (("train", 20), ("Validation", 2), ("TEST/a", 3)):
        (tmp_path / folder).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / folder / f"{i}.png")
    assert len(load("folder", tmp_path, 8).testing) == 5
    with zipfile.ZipFile(tmp_path / "test.zip", "w") as archive:
        for file in (tmp_path / "train").iterdir():
            archive.write(file, file.name)
    found = load("folder", tmp_path / "test.zip", 8)
    assert torch.equal(found.testing, found.held_out)


def test_what_a_mac_puts_beside_files_is_no_picture(tmp_path: Path) -> None:
    for i in range(10):
        Image.new("RGB", (16, 16), (i, 0, 0)).save(tmp_path / f"{i}.png")
    (tmp_path / "__MACOSX").mkdir()
    for name in ("._0.png", "__MACOSX/0.png", "._all.zip"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    images = load("folder", tmp_path, 16)
    assert len(images.training) + len(images.held_out) == 10


def test_splits_are_always_the_same(tmp_path: Path, batches: dict[str, bytes]) -> None:
    for name, content in batches.items():
        (tmp_path / name).write_bytes(content)
    first, again = load("cifar10", tmp_path, 32), load("cifar10", tmp_path, 32)
    assert torch.equal(first.training, again.training)
    cpu = torch.device("cpu")
    torch.manual_seed(0)
    batch = first.batch(6, 32, cpu)
    assert not torch.equal(first.batch(6, 32, cpu), batch)
    torch.manual_seed(0)
    assert torch.equal(first.batch(6, 32, cpu), batch)
    assert batch.shape == (6, 3, 32, 32)
    assert torch.equal(batch, batch.round())
    assert torch.equal(first.validation(2), first.held_out[:2].float())
    with pytest.raises(svcodec.InputError, match="32 pixels a side, not 64"):
        first.batch(1, 64, cpu)


def test_augmentation_mirrors_and_moves_half_of_the_images() -> None:
    ramp = torch.arange(16).float().expand(400, 3, 16, 16) * 10
    torch.manual_seed(0)
    found = augment(ramp)
    assert torch.equal(found, found.round())
    assert found.min() >= 0
    assert found.max() <= 255
    mirrored = (found[:, 0, 8, 0] > found[:, 0, 8, -1]).float().mean()
    assert float(mirrored) == pytest.approx(0.5, abs=0.1)
    as_they_were = [bool(torch.equal(image, ramp[0]) or torch.equal(image, ramp[0].flip(2))) for image in found]
    assert np.mean(as_they_were) == pytest.approx(0.5, abs=0.1)


def test_augmentation_is_the_same_whatever_the_default_type() -> None:
    images = torch.randint(0, 256, (8, 3, 16, 16)).float()
    found = []
    for dtype in (torch.float32, torch.float64, torch.float16):
        torch.manual_seed(0)
        torch.set_default_dtype(dtype)
        try:
            found.append(augment(images))
        finally:
            torch.set_default_dtype(torch.float32)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(svcodec.InputError, match="no data set 'mnist'"):
        load("mnist", tmp_path, 32)
    with pytest.raises(svcodec.InputError, match="no such folder"):
        load("celeba", tmp_path / "none", 32)
    with pytest.raises(svcodec.InputError, match="has 0 training images"):
        load("folder", tmp_path, 32)
    (tmp_path / "a.png").write_bytes(b"text")
    with pytest.raises(svcodec.InputError, match=r"a\.png can't be read"):
        load("folder", tmp_path, 32)


def packed(folder: Path, batches: dict[str, bytes]) -> Path:
    path = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_a_damaged_archive_is_refused(tmp_path: Path, batches: dict[str, bytes]) -> None:
    """Wherever it is damaged: the archive ends before the checksum does."""
    path = packed(tmp_path, batches)
    whole = path.read_bytes()
    for place in range(64, len(whole) - 4, len(whole) // 12):  # behind the header, which names the file
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with pytest.raises(svcodec.InputError):
            load("cifar10", path, 32)


@pytest.mark.parametrize("target", ["data_batch_2.bin", "data_batch_1.bin"])
def test_links_in_an_archive_are_not_followed(tmp_path: Path, batches: dict[str, bytes], target: str) -> None:
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("data_batch_1.bin")
        member.type, member.linkname = tarfile.SYMTYPE, target
        archive.addfile(member)
    with pytest.raises(svcodec.InputError, match=r"has no data_batch_1\.bin"):
        load("cifar10", path, 32)


def test_arrays_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "cifar10.npz"
    for content in (b"", b"PK\x03\x04", b"text"):
        path.write_bytes(content)
        with pytest.raises(svcodec.InputError, match="no NumPy archive"):
            load("cifar10", path, 32)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(svcodec.InputError, match="no NumPy archive"):
        load("cifar10", path, 32)
    with zipfile.ZipFile(path, "w") as archive:
        for split in ("train", "test"):
            archive.writestr(f"x_{split}", "text")
    with pytest.raises(svcodec.InputError, match="x_train is no array"):
        load("cifar10", path, 32)
    np.savez(path, x_train=np.zeros((20, 0, 32, 3), np.uint8), x_test=np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(svcodec.InputError, match="must be uint8"):
        load("cifar10", path, 32)


def test_archives_as_they_come(tmp_path: Path) -> None:
    """With folders, hidden files, a Mac's files beside the files; a suffix in capitals."""
    image = io.BytesIO()
    Image.fromarray(noise(1)).save(image, "PNG")
    with zipfile.ZipFile(tmp_path / "PICTURES.ZIP", "w") as archive:
        for i in range(8):
            archive.writestr(f"a/{i}.png", image.getvalue())
        for name in ("b.png/", "__MACOSX/a/._0.png", "a/.hidden.png", ".trash/0.png"):
            archive.writestr(name, b"" if name.endswith("/") else b"no picture")
    found = load("folder", tmp_path / "PICTURES.ZIP", 32)
    assert len(found.training) + len(found.held_out) == 8


def test_broken_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(range(256)) * 40)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[40:60] = bytes([255] * 20)
    encrypted = bytearray(whole)
    encrypted[6] |= 1
    encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
    unknown = whole.replace(b"\x08\0", b"\x63\0")
    for content in (damaged, encrypted, unknown):
        path.write_bytes(content)
        with pytest.raises(svcodec.InputError, match=r"can't be read"):
            load("folder", path, 32)


@pytest.mark.parametrize("samples", [np.full((32, 32), 1000, np.uint16), np.full((32, 32), 0.5, np.float32)])
def test_deep_samples_are_not_made_white(tmp_path: Path, samples: np.ndarray) -> None:
    Image.fromarray(samples).save(tmp_path / "deep.tif")
    with pytest.raises(svcodec.InputError, match=r"deep\.tif can't be read: it has more than 8 bits"):
        load("folder", tmp_path, 32)


def test_photos_that_can_not_be_read_are_told_in_a_line() -> None:
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    for data, text in (
        (b"text", "it is no picture that Pillow knows"),
        (head + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "3600.0 megapixels|limit"),
    ):
        with pytest.raises(svcodec.InputError, match=text) as told:
            read_photo("a\nb\x1b.png", data)
        assert str(told.value).startswith("a?b?.png can't be read: ")
