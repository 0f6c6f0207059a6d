"""What a program of svcodec loads when it starts, and what it leaves undone when it ends."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from svcodec.__main__ import main
from svcodec.program import COLLECTIONS

STREAM = Path(__file__).parent / "golden" / "sketch.svc"
# Compilers, symbols, training and the extras: what would take time at every start.
NEEDLESS = {
    *("torch._dynamo", "torch._inductor", "torchvision", "sympy"),
    *("sklearn", "scipy", "matplotlib", "imagecodecs", "joblib", "tabulate"),
    *("svcodec.training.loop", "svcodec.benchmarks.conditions"),
}


def output_of(code: str, *arguments: str) -> str:
    done = subprocess.run((sys.executable, "-c", code, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_decoding_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    code = "import sys; from svcodec.__main__ import main; main.main(sys.argv[1:], standalone_mode=False)"
    picture = tmp_path / "picture.png"
    loaded = set(output_of(f"{code}; print(*sys.modules)", "decode", str(STREAM), "-o", str(picture)).split())
    assert picture.exists()
    assert "torch" in loaded
    assert loaded & NEEDLESS == set()


def test_programs_collect_less_garbage() -> None:
    code = "from svcodec.__main__ import main; import gc; main(['--help'], standalone_mode=False)"
    found = output_of(f"{code}; print(gc.get_threshold(), gc.get_freeze_count() > 1000)")
    assert found.endswith(f"{COLLECTIONS} True\n")


def test_programs_lift_the_limit_of_pillow() -> None:
    """Commands have one of their own; what imports svcodec keeps Pillow's."""
    code = "from svcodec.__main__ import main; from PIL import Image; print(Image.MAX_IMAGE_PIXELS)"
    found = output_of(f"{code}; main(['--version'], standalone_mode=False); print(Image.MAX_IMAGE_PIXELS)")
    assert found.split()[0] == "89478485"
    assert found.split()[-1] == "None"


def test_commands_called_from_python_leave_the_collector_alone() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    assert CliRunner().invoke(main, ["--help"]).exit_code == 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
