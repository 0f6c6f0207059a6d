"""Training in several processes gives what one process gives on all their pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch
from PIL import Image

PROGRAM = """
import os
import sys
from pathlib import Path

import torch
from torch import nn

from svcodec.training import loop, torchrun
from svcodec.training.optimizer import Optimizer
from svcodec.training.settings import Settings

STEPS, PICTURES = 12, 4


class Shares:
    '''The same pictures step by step, of which each process takes its part.'''

    def __init__(self, part, parts):
        self.part, self.parts = part, parts
        self.pictures = torch.rand(STEPS, PICTURES, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 255
        self.step = 0

    def batch(self, count, size, device):
        own = self.pictures[self.step][self.part :: self.parts]
        assert len(own) == count
        self.step += 1
        return own

    def validation(self, count):
        return self.pictures[0]


def train(folder, parts):
    part = int(os.environ.get('RANK', 0))
    torch.manual_seed(part)  # processes begin with different weights: those of the first count
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ELU(), nn.Conv2d(4, 3, 1))
    shares = Shares(part, parts)
    torchrun.Processes.of_the_first = lambda *_: shares.step / STEPS  # so many steps, whatever the time
    objective = loop.Objective(
        'net',
        ('0', '2'),
        lambda net, image: ((net(image / 255) - image / 255).square().mean(), {}),
        lambda net, image: {},
        optimizer=lambda parameters, settings: Optimizer((torch.optim.SGD(parameters, lr=0.5),)),
    )
    loop.train(net, objective, shares, folder, Settings(minutes=1, batch=PICTURES // parts, crop=8))


train(Path(sys.argv[1]), int(sys.argv[2]))
"""


def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    found = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        script = tmp_path / "program.py"
        script.write_text(PROGRAM)
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"] if count == 2 else []
        subprocess.run([sys.executable, *launch, script, folder, str(count)], check=True, timeout=240)
        state = torch.load(folder / "net.pt", weights_only=True)
        assert state["step"] == 12
        assert len((folder / "net.jsonl").read_text().splitlines()) == 1  # one of them writes
        entry = json.loads((folder / "net.jsonl").read_text())
        assert entry["step"] == 12
        found.append(state)
    for part in ("net", "average"):
        for name, value in found[0][part].items():
            assert torch.allclose(value, found[1][part][name], atol=1e-5), name


def test_processes_end_with_the_same_model(tmp_path: Path) -> None:
    """None reads the last checkpoint before it is written."""
    for i in range(8):
        Image.new("RGB", (8, 8), (i, 100, 200)).save(tmp_path / f"{i}.png")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "svcodec"]
    options = ["--kind=vae-normal", "--side=8", "--size=tiny", "--minutes=0.01", f"--out={tmp_path / 'run'}"]
    done = subprocess.run(
        [*launch, "train", "selfvae", tmp_path, *options], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    file = tmp_path / "run" / "vae-normal.safetensors"
    assert done.stdout.splitlines().count(str(file)) == 2
    assert len((tmp_path / "run" / "vae-normal.jsonl").read_text().splitlines()) == 1
