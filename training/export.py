"""From checkpoints to a model file: `python -m svcodec.training.export RUN SOURCE... -o MODEL.safetensors`.

Calibrates the networks' grids on photos, rounds their weights to them, proves the bound of every output channel, and
reports what the rounding cost on the held-out photos.
"""

import argparse
import json
from pathlib import Path

import torch

from ..codec.model_files import save_model
from ..models import integers as export
from ..models.selfvae import SelfVAE
from .loop import TASKS, load_average, load_weights
from .photos import Photos, central_crop

CALIBRATION_PHOTOS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="folder that `python -m svcodec.training.loop` wrote")
    parser.add_argument("sources", nargs="+", type=Path, help="the photos it was trained on")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .safetensors file to write")
    parser.add_argument("--start", type=Path, help="the model file that training started from, if it did")
    parser.add_argument("--crop", type=int, default=256, help="side of the crops to calibrate on")
    args = parser.parse_args()
    model = SelfVAE().requires_grad_(False).eval()
    if args.start:
        load_weights(model, args.start)
    for task in TASKS:
        if not args.start or (args.run / f"{task}.pt").exists():
            load_average(model, args.run / f"{task}.pt")
    photos = Photos(args.sources, smallest=args.crop)
    every = max(1, len(photos.training) // CALIBRATION_PHOTOS)
    calibration = torch.stack([central_crop(photo, args.crop) for photo in photos.training[::every]]).float()
    held_out = photos.validation(CALIBRATION_PHOTOS)
    before = {task: validate(model, held_out) for task, (_, _, validate) in TASKS.items()}
    export.calibrate(model, calibration)
    export.snap(model)
    for task, (_, _, validate) in TASKS.items():
        print(json.dumps({"task": task, "floats": before[task], "integers": validate(model, held_out)}, indent=1))
    save_model(model, args.output)
    print(f"{args.output}: {args.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
