"""The gate: what it flags, what is said and stored of it, and which calibrations it takes."""

from __future__ import annotations

import io
import json
import warnings
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import safetensors.numpy
from click.testing import CliRunner, Result
from PIL import Image

import svcodec
from svcodec.benchmarks import detection as benchmark
from svcodec.benchmarks import drawings, impostors
from svcodec.bitstream.container import Verdict, pack, unpack
from svcodec.codec import codec as codec_module
from svcodec.gate import statistics
from svcodec.gate.assessment import Calibration
from svcodec.gate.gate import FORMAT, Gate, metadata_of
from svcodec.gate.judge import FARTHEST, Judge, Scale
from svcodec.training import commands, gate_fitting, others, suspicion_fitting

Samples = npt.NDArray[np.uint8]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def portrait(portrait_path: Path) -> Samples:
    with Image.open(portrait_path) as image:
        return np.array(image.convert("RGB"))


@pytest.fixture
def folder(tmp_path: Path, portrait: Samples) -> Path:
    """A photo and a picture that is none."""
    Image.fromarray(portrait).save(tmp_path / "photo.png")
    Image.fromarray(noise()).save(tmp_path / "noise.png")
    return tmp_path


def noise() -> Samples:
    return np.random.default_rng(0).integers(0, 256, (140, 150, 3), np.uint8)


def test_a_photo_is_accepted(codec: svcodec.Codec, portrait: Samples) -> None:
    found = codec.assess(portrait)
    assert found.accepted and found.score >= found.threshold
    assert found.false_alarms == 0.02
    assert svcodec.assess(portrait) == found


@pytest.mark.parametrize("make", [*others.MAKERS, *impostors.UNSEEN], ids=lambda make: str(make.__name__))
def test_what_is_no_photo_is_flagged(codec: svcodec.Codec, portrait: Samples, make: others.Maker) -> None:
    found = codec.assess(make(portrait, np.random.default_rng(0)))
    assert not found.accepted
    assert "does not look like a photo" in str(found)


@pytest.mark.parametrize("factor", [0.25, 0.5, 2, 4])
def test_a_photo_is_one_at_any_scale(codec: svcodec.Codec, portrait: Samples, factor: float) -> None:
    size = [round(side * factor) for side in portrait.shape[1::-1]]
    assert codec.assess(Image.fromarray(portrait).resize((size[0], size[1]), Image.Resampling.BICUBIC)).accepted


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_pictures_are_flagged(codec: svcodec.Codec, level: int) -> None:
    assert not codec.assess(np.full((200, 300), level, np.uint8)).accepted


@pytest.mark.parametrize("shape", [(1, 1), (1, 300, 3), (7, 5, 4), (129, 64, 2), (128, 128, 3)])
def test_any_size_and_mode(codec: svcodec.Codec, shape: tuple[int, ...]) -> None:
    assert np.isfinite(codec.assess(np.zeros(shape, np.uint8)).score)


@pytest.mark.parametrize("size", [(64, 64), (512, 768), (768, 512), (130, 5000), (20, 30)])
def test_tiles_cover_the_picture_evenly(size: tuple[int, int]) -> None:
    rows, columns = np.indices((max(size[0], 64), max(size[1], 64)))
    tiles = statistics.tiles(np.stack([rows[: size[0], : size[1]] % 251, columns[: size[0], : size[1]] % 251], -1))
    assert tiles.shape == (min(4, 1 + size[0] // 64) * min(4, 1 + size[1] // 64), 64, 64, 2) or min(size) <= 64
    if min(size) >= 64:
        assert (tiles[0, 0, 0] == 0).all()
        ends = np.array(size) - 1 - np.array(size) % 8  # of the last whole block, or nearly
        assert (np.abs(tiles[-1, -1, -1].astype(int) - ends % 251) < 9).all()


def test_grey_counts_as_the_codec_codes_it(codec: svcodec.Codec, portrait: Samples) -> None:
    grey = portrait[..., 1]
    assert codec.assess(grey) == codec.assess(np.dstack([grey] * 3))


def test_reject(codec: svcodec.Codec) -> None:
    with pytest.raises(svcodec.RejectedError, match=r"threshold .* PNG") as caught:
        codec.encode(noise(), tier="sketch", gate="reject")
    assert caught.value.assessment == codec.assess(noise())


def test_warn_and_record(codec: svcodec.Codec, portrait: Samples) -> None:
    with pytest.warns(svcodec.OutlierWarning, match="threshold"):
        flagged = svcodec.inspect(codec.encode(noise(), tier="sketch", gate="warn")).gate
    found = codec.assess(noise())
    assert flagged == svcodec.Judgement(found.score, found.threshold, accepted=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = codec.encode(portrait, tier="sketch", gate="reject")
    accepted = svcodec.inspect(data).gate
    assert accepted is not None and accepted.accepted
    assert codec.decode(data).size == (512, 600)


def test_no_warning_of_a_drawing_without_loss(codec: svcodec.Codec) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = codec.encode(drawings.page(), gate="warn")
    info = svcodec.inspect(data)
    assert info.gate is not None and not info.gate.accepted and info.tier == "lossless"


def test_off_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(codec_module, "load_gate")
    assert svcodec.inspect(svcodec.encode(noise(), tier="sketch")).gate is None
    with pytest.raises(svcodec.InputError, match="no gate 'maybe'"):
        svcodec.encode(noise(), gate="maybe")


def test_verdicts_that_can_not_be_read_or_written(codec: svcodec.Codec) -> None:
    stream = unpack(codec.encode(noise(), tier="sketch"))
    data = pack(replace(stream, verdict=Verdict(-5, 7)))
    assert unpack(data).verdict == Verdict(-5, 7)
    place = data.index(bytes([128, 8]) + (-5).to_bytes(4, "little", signed=True))

    for body in (data[: place + 1] + b"\x07" + data[place + 3 : -4], data[: place + 1] + b"\x00\x00"):
        with pytest.raises(svcodec.CorruptError):
            unpack(body + zlib.crc32(body).to_bytes(4, "little"))
    with pytest.raises(svcodec.InputError):
        Verdict(1 << 31, 0)


def test_a_model_of_ones_own_has_a_gate(own_model: Path) -> None:
    """The package's, unless another lies beside it."""
    assert svcodec.assess(noise(), model=own_model) == svcodec.assess(noise())
    gate = svcodec.Codec().gate
    lenient = gate.calibrated(replace(gate.calibration, threshold=-1e4))
    own_model.with_stem("own-gate").write_bytes(lenient.to_bytes())
    assert svcodec.assess(noise(), model=own_model).accepted


@pytest.mark.parametrize(("change", "text"), [({"format": "x"}, "format"), ({"calibration": "{"}, "read")])
def test_gates_of_other_formats(own_model: Path, change: dict[str, str], text: str) -> None:
    content = svcodec.Codec().gate.to_bytes()
    own_gate = own_model.with_stem("own-gate")
    own_gate.write_bytes(safetensors.numpy.save(safetensors.numpy.load(content), metadata_of(content) | change))
    with pytest.raises(svcodec.ModelError, match=text):
        svcodec.assess(noise(), model=own_model)
    for broken in (content[:1000], b"", safetensors.numpy.save({"mean": np.zeros(3)}, metadata_of(content))):
        own_gate.write_bytes(broken)
        with pytest.raises(svcodec.ModelError, match="can't be loaded"):
            svcodec.assess(noise(), model=own_model)


def test_a_gate_is_bytes_to_and_from(codec: svcodec.Codec) -> None:
    content = codec.gate.to_bytes()
    gate = Gate.from_bytes(content, "again")
    assert (gate.hash, gate.calibration) == (codec.gate.hash, codec.gate.calibration)
    assert gate.assess(noise()) == codec.assess(noise())


def test_train_gate(own_model: Path, portrait: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command of docs/gate.md, in small."""
    for module, name, value in ((suspicion_fitting, "STEPS", 20), (gate_fitting, "FALSE_ALARMS", 0.1)):
        monkeypatch.setattr(module, name, value)
    photos, gate = own_model.parent / "photos", own_model.with_stem("own-gate")
    photos.mkdir()
    arguments = ["gate", str(photos), "-o", str(gate)]
    for i in range(22):
        picture = Image.fromarray(portrait[10 * i : 10 * i + 200, 9 * i : 9 * i + 180])
        exif = picture.getexif()
        exif[gate_fitting.MAKE] = ("Nikon Corporation", "NIKON", "Canon", "Apple")[i % 4]
        picture.save(photos / f"{i:02}.jpg", exif=exif, quality=95)
        if i == 3:
            error = CliRunner().invoke(commands.train, arguments).exception
            assert isinstance(error, svcodec.InputError) and "there are 4" in str(error)
    result = CliRunner().invoke(commands.train, arguments, catch_exceptions=False)
    assert result.exit_code == 0 and "22 photos" in result.stdout
    assert result.stderr == ""  # no terminal, no progress
    found = svcodec.assess(noise(), model=own_model)
    assert not found.accepted and found.false_alarms == 0.1


def test_photos_of_one_maker_are_held_out_together() -> None:
    parts = [gate_fitting.measure(f"{i}.jpg", jpeg_of(maker), i) for i, maker in enumerate(("NIKON", "Nikon E5"))]
    assert len({fold for part in parts if part for fold in part.folds[:, 0]}) == 1


def test_photos_of_one_maker_alone_are_held_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspicion_fitting, "STEPS", 5)
    monkeypatch.setattr(gate_fitting, "FALSE_ALARMS", 0.1)
    parts = [gate_fitting.measure(f"{i}.jpg", jpeg_of("Canon"), i) for i in range(8)]
    found = gate_fitting.Measured(
        *(np.concatenate([getattr(part, name) for part in parts if part]) for name in ("photos", "folds", "others"))
    )
    assert len(set(found.folds[:, 0])) == 1 and len(set(found.folds[:, 1])) > 1
    assert "without it" in gate_fitting.gate_of(found, "8 photos").calibration.photos


def jpeg_of(maker: str) -> bytes:
    picture = Image.fromarray(noise())
    exif = picture.getexif()
    exif[gate_fitting.MAKE] = maker
    stream = io.BytesIO()
    picture.save(stream, "JPEG", exif=exif)
    return stream.getvalue()


def test_one_strange_photo_moves_the_gate_little(portrait: Samples) -> None:
    photos = [portrait[8 * i : 8 * i + 200, 7 * i : 7 * i + 180] for i in range(40)]
    values = np.stack([statistics.statistics(photo) for photo in photos])
    with_another = np.concatenate([values, statistics.statistics(noise())[None]])
    scales = [Scale.fit(found) for found in (values, with_another)]
    assert (np.abs(scales[0].centre - scales[1].centre) < 0.5 * scales[0].deviation).all()
    assert np.abs(scales[1].apply(with_another)).max() == FARTHEST


def test_check(svc: Run, folder: Path) -> None:
    result = svc("check", folder)
    assert result.exit_code == 1
    assert "noise.png: does not look" in result.stdout and "photo.png: looks like a photo" in result.stdout
    accepted = svc("check", "-", "--json", stdin=(folder / "photo.png").read_bytes())
    assert accepted.exit_code == 0
    assert json.loads(accepted.stdout)["accepted"]
    (folder / "text.png").write_bytes(b"text")
    assert svc("check", folder / "text.png").exit_code == 1


def test_encode_warns_and_rejects(svc: Run, folder: Path) -> None:
    source, target = folder / "noise.png", folder / "noise.svc"
    rejected = svc("encode", source, "--tier", "sketch", "--gate", "reject")
    assert rejected.exit_code == 1
    assert "threshold" in rejected.stderr and "PNG" in rejected.stderr
    assert not target.exists()
    warned = svc("encode", source, "--tier", "sketch")
    assert warned.exit_code == 0
    assert warned.stderr.count("\n") == 1 and f"{source}: does not look like a photo" in warned.stderr
    assert "flagged: score" in svc("info", target).stdout
    assert svc("encode", folder / "photo.png", "--tier", "sketch").stderr == ""


def test_own_calibration(svc: Run, folder: Path) -> None:
    path = folder / "own.json"
    assert "can't tell" in svc("gate", "calibrate", folder, "-o", path).stderr
    refused = svc("gate", "calibrate", folder, "-o", folder / "photo.png", "--overwrite")
    assert refused.exit_code == 1 and "photo.png is an input" in refused.stderr
    (folder / "mine-gate.safetensors").write_bytes(b"a gate")
    options = ("--model", folder / "mine.safetensors", "-o", folder / "mine-gate.safetensors", "--overwrite")
    assert "mine-gate.safetensors is an input" in svc("gate", "calibrate", folder, *options).stderr
    assert svc("gate", "calibrate", folder, "-o", path, "--false-alarms", "0.5").exit_code == 0
    scores = [svcodec.assess(folder / name).score for name in ("noise.png", "photo.png")]
    found = svcodec.assess(folder / "photo.png", calibration=path)
    assert (found.threshold, found.false_alarms) == (pytest.approx(sum(scores) / 2, abs=0.001), 0.5)
    assert svc("check", folder / "photo.png", "--calibration", path).exit_code == 0
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"gate": "00"}))
    with pytest.raises(svcodec.ModelError, match="another gate"):
        svcodec.assess(noise(), calibration=path)
    path.write_text("[]")
    assert "can't be read" in svc("encode", folder / "noise.png", "--calibration", path).stderr
    assert svc("check", folder / "photo.png", "--calibration", folder / "none.json").exit_code == 1


@pytest.mark.parametrize(
    "marks", [np.zeros(5), np.zeros((3, 2)), np.full((2, 2), np.nan), np.zeros((2, 2)), np.array([[1.0, 0.0]] * 2)]
)
def test_gates_with_other_marks(codec: svcodec.Codec, marks: npt.NDArray[np.float64]) -> None:
    arrays = codec.gate.judge.to_arrays()
    with pytest.raises(ValueError, match=r"marks|numbers"):
        Judge.from_arrays({**arrays, "marks": marks.astype(np.float32)})


def test_gates_of_other_sizes(codec: svcodec.Codec) -> None:
    arrays = {name: values[:1] for name, values in codec.gate.judge.to_arrays().items()}
    metadata = {"format": FORMAT, "calibration": codec.gate.calibration.to_json()}
    for data in (safetensors.numpy.save(arrays, metadata), b"\x05\0\0\0\0\0\0\0[[[[["):
        with pytest.raises(svcodec.ModelError, match="gate own can't be loaded"):
            Gate.from_bytes(data, "own")


def test_thresholds() -> None:
    scores = list(np.linspace(-1, 1, 201))
    calibration = Calibration.of_scores("00", scores, 0.05, "drawn")
    assert calibration.threshold == -0.9
    assert Calibration.from_json(calibration.to_json()) == calibration
    nested, huge = "[" * 100_000, calibration.to_json().replace("-0.9,", f"1{'0' * 400},", 1)
    for text in ('{"threshold": NaN}', "3", nested, huge, calibration.to_json().replace("-0.9,", "1e99,", 1)):
        with pytest.raises(svcodec.ModelError, match="own can't be read"):
            Calibration.from_json(text, "own")
    for rate in (0.0, 1.0, 0.001):
        with pytest.raises(svcodec.InputError):
            Calibration.of_scores("00", scores, rate, "drawn")


def test_impostors_are_the_same_at_every_run(portrait: Samples, tmp_path: Path) -> None:
    small = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    for name in ("mnist-test", "fashion-mnist"):
        np.savez(tmp_path / f"{name}.npz", test_images=small)
    for kind, make in impostors.makers(tmp_path).items():
        first, second = (make(portrait[:160, :200], np.random.default_rng(3)) for _ in range(2))
        assert first.dtype == np.uint8 and first.ndim in (2, 3), kind
        assert np.array_equal(first, second), kind


def test_benchmark(codec: svcodec.Codec, portrait: Samples, portrait_path: Path) -> None:
    photos = benchmark.scores(codec, [portrait])
    strangers = benchmark.scores(codec, [noise(), np.zeros((100, 100), np.uint8)])
    assert benchmark.compare(photos, strangers, codec.gate.calibration.threshold) == {"detected": 1.0, "AUROC": 1.0}
    cameras = benchmark.of_cameras(codec, portrait_path.parent)
    assert (cameras["photos"], cameras["flagged"]) == (1, 0)
    small = benchmark.shrunk(portrait)
    assert small.shape == (384, 256, 3)
    seconds = benchmark.cost(codec, small[:64, :64])
    assert seconds.keys() == {"gate", "encode"}
    size = {"photos": 1, "flagged": 0, "kinds": {"noise": {"detected": 1.0, "AUROC": 0.5}}, "seconds": seconds}
    text = benchmark.report({"threshold": -2.0, "machine": "this", "sizes": {"Kodak": size}, "cameras": cameras})
    assert "- cameras: 0 of 1" in text and "noise" in text
