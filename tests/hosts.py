"""Programs that set torch and NumPy otherwise: `python hosts.py FOLDER WHEN WHAT [NAME...]`.

FOLDER holds picture.npy and its streams; WHEN is `late` or `early`: each program sets what it sets after the
model was loaded, or before; WHAT is `all`, or `some` for two tiers only, on this very machine. Prints what each of them
coded, decoded and found changed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import svcodec

get, put = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
PRECISIONS = [
    (backend, operation)
    for backend, operations in (("generic", ("all",)), ("mkldnn", ("all", "conv", "matmul", "rnn")))
    for operation in operations
] + [("cuda", operation) for operation in ("all", "conv", "matmul", "rnn")]
EFFORTS = {tier: 1 if tier == "lossless" else None for tier in svcodec.TIERS}  # no search, which rounds as it may


@contextmanager
def setting(read: Callable[[], Any], write: Callable[[Any], object], value: Any) -> Iterator[None]:
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


def attribute(owner: Any, name: str, value: Any) -> AbstractContextManager[None]:
    return setting(lambda: getattr(owner, name), lambda value: setattr(owner, name, value), value)


@contextmanager
def precisions(*changes: Callable[[], object]) -> Iterator[None]:
    """Changes of torch's precisions, by whichever names; all of them are as they were afterwards."""
    legacy, before = torch.get_float32_matmul_precision(), own_precisions()
    for change in changes:
        change()
    try:
        yield
    finally:
        own_precisions(leave=False)
        torch.set_float32_matmul_precision(legacy)
        for key, value in before.items():
            put(*key, value)


def own_precisions(leave: bool = True) -> dict[tuple[str, str], str]:
    """What is set for each kind of operation itself, and not inherited; without `leave`, nothing is set afterwards."""
    found = {}
    for key in PRECISIONS:
        found[key] = get(*key)
        put(*key, "none")
    for key, value in found.items() if leave else ():
        put(*key, value)
    return found


def precision(backend: str, operation: str, value: str) -> Callable[[], None]:
    return lambda: put(backend, operation, value)


class Shortening(TorchFunctionMode):
    """Makes shorter floats of all results."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        return result.bfloat16() if isinstance(result, torch.Tensor) and result.is_floating_point() else result


PRODUCTS = {  # whole ones too, as in inference mode they are not taken apart
    "conv": ("aten::conv2d", "aten::convolution"),
    "matmul": ("aten::addmm", "aten::linear", "aten::matmul", "aten::mm", "aten::mv"),
}


class Eager(TorchDispatchMode):
    """A machine that shortens float32 products wherever it may, as CPUs with AMX do."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        operation = next((key for key, names in PRODUCTS.items() if func.name() in names), None)
        if operation and get("mkldnn", operation) in ("bf16", "tf32"):
            args = [shorter(part) if isinstance(part, torch.Tensor) else part for part in args]
        return func(*args, **(kwargs or {}))


def shorter(values: torch.Tensor) -> torch.Tensor:
    return values.bfloat16().float() if values.dtype == torch.float32 else values


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        with attribute(torch.utils.deterministic, "fill_uninitialized_memory", True):
            yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def unforgiving() -> Iterator[None]:
    """Every warning is an error, torch's that come only once too."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        torch.set_warn_always(before)


@contextmanager
def anomalies() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = torch.autograd.set_detect_anomaly(True)
    with context:
        yield


@contextmanager
def flushing() -> Iterator[None]:
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def default_type(dtype: torch.dtype) -> AbstractContextManager[None]:
    return setting(torch.get_default_dtype, torch.set_default_dtype, dtype)


@contextmanager
def default_device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


def autocast(kind: str, dtype: torch.dtype) -> AbstractContextManager[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there may be no CUDA
        return torch.autocast(kind, dtype)


cublas: Any = torch.backends.cuda.matmul
Host = Callable[[], AbstractContextManager[Any]]
HOSTS: dict[str, Host] = {
    "none": ExitStack,
    **{
        f"matmul precision {name}": functools.partial(
            precisions, functools.partial(torch.set_float32_matmul_precision, name)
        )
        for name in ("high", "medium")
    },
    **{
        f"{backend}.{operation} {value}": functools.partial(precisions, precision(backend, operation, value))
        for backend, operation in PRECISIONS
        for value in (("tf32",) if backend == "cuda" else ("bf16", "tf32"))
    },
    "backends.mkldnn bf16": lambda: precisions(
        lambda: setattr(torch.backends.mkldnn, "fp32_precision", "bf16"),
        lambda: setattr(torch.backends.mkldnn.conv, "fp32_precision", "bf16"),
    ),
    "old and new names": lambda: precisions(
        functools.partial(torch.set_float32_matmul_precision, "medium"),
        precision("mkldnn", "matmul", "ieee"),
        precision("cuda", "matmul", "ieee"),
        precision("mkldnn", "conv", "bf16"),
    ),
    "new and old names": lambda: precisions(
        precision("mkldnn", "matmul", "bf16"), lambda: setattr(cublas, "allow_tf32", True)
    ),
    "TF32 by old names": lambda: precisions(
        lambda: setattr(cublas, "allow_tf32", True), lambda: setattr(torch.backends.cudnn, "allow_tf32", True)
    ),
    "cuDNN benchmark": lambda: attribute(torch.backends.cudnn, "benchmark", True),
    **{
        f"cuBLAS {name}": functools.partial(attribute, cublas, name, True)
        for name in (
            "allow_bf16_reduced_precision_reduction",
            "allow_fp16_reduced_precision_reduction",
            "allow_fp16_accumulation",
        )
    },
    "oneDNN off": lambda: attribute(torch.backends.mkldnn, "enabled", False),
    "oneDNN deterministic": lambda: attribute(torch.backends.mkldnn, "deterministic", True),
    **{
        f"default {dtype}": functools.partial(default_type, dtype)
        for dtype in (torch.float64, torch.bfloat16, torch.float16)
    },
    "default device": default_device,
    "device context": lambda: torch.device("meta"),
    "autocast bfloat16": lambda: autocast("cpu", torch.bfloat16),
    "autocast float16": lambda: autocast("cpu", torch.float16),
    "autocast CUDA": lambda: autocast("cuda", torch.float16),
    "inference mode off": lambda: torch.inference_mode(False),
    "inference mode on": lambda: torch.inference_mode(True),
    "no gradients": torch.no_grad,
    "deterministic algorithms": deterministic,
    "anomaly detection": anomalies,
    "denormals flushed": flushing,
    "function mode": Shortening,
    "dispatch mode": Eager,
    "NumPy's errors raised": lambda: np.errstate(all="raise"),
    "warnings are errors": unforgiving,
    "one thread": lambda: setting(torch.get_num_threads, torch.set_num_threads, 1),
    "three threads": lambda: setting(torch.get_num_threads, torch.set_num_threads, 3),
}


@contextmanager
def all_at_once() -> Iterator[None]:
    chosen = ("old and new names", "default torch.float64", "default device", "autocast bfloat16", "anomaly detection")
    with ExitStack() as stack:
        for name in (
            *chosen,
            "deterministic algorithms",
            "NumPy's errors raised",
            "function mode",
            "warnings are errors",
        ):
            stack.enter_context(HOSTS[name]())
        yield


HOSTS["all at once"] = all_at_once
SHORTENING = ("mkldnn", "generic", "matmul", "backends", "old", "new", "all at once")  # those that set precisions


def settings() -> dict[str, Any]:
    """All that a program could have set, and the states of its generators."""
    backends = torch.backends
    with torch._C.DisableTorchFunction():
        generator = torch.get_rng_state().numpy().tobytes()
    return {
        "precisions": {".".join(key): value for key, value in own_precisions().items()},
        "oneDNN": [backends.mkldnn.enabled, backends.mkldnn.deterministic, torch._C._get_nnpack_enabled()],
        "cuDNN": [backends.cudnn.enabled, backends.cudnn.benchmark, backends.cudnn.deterministic],
        "cuBLAS": [cublas.allow_bf16_reduced_precision_reduction, cublas.allow_fp16_reduced_precision_reduction],
        "defaults": [str(torch.get_default_dtype()), str(torch.empty(0).device)],
        "autocast": [torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")],
        "autocast types": [str(torch.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")],
        "gradients": [torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()],
        "deterministic": [
            torch.are_deterministic_algorithms_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
        ],
        "modes": [torch._C._len_torch_function_stack(), torch._C._len_torch_dispatch_stack()],
        "NumPy": np.geterr(),
        "warnings": [str(action) for action, *_ in warnings.filters],
        "threads": torch.get_num_threads(),
        "generators": [
            sha(generator),
            sha(repr(np.random.get_state()).encode()),  # noqa: NPY002
            sha(repr(random.getstate()).encode()),
        ],
    }


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    from svcodec.codec import gate_files, model_files
    from svcodec.models import machine, threads

    folder, early, all_of_it = Path(sys.argv[1]), sys.argv[2] == "early", sys.argv[3] == "all"
    tiers = svcodec.TIERS if all_of_it else ("high", "lossless")
    threads.PIXELS = 1  # as many threads as are set, for a small picture too
    picture = np.load(folder / "picture.npy")
    streams = {tier: (folder / f"{tier}.svc").read_bytes() for tier in tiers}
    codec, found = svcodec.Codec(), {}
    codec.assess(picture)
    for name in sys.argv[4:] or HOSTS:
        if early:
            model_files._loaded.clear()
            gate_files._gate.cache_clear()
            machine.measured.cache_clear()
            machine.is_exact.cache_clear()
        with HOSTS[name](), Eager() if all_of_it and name.startswith(SHORTENING) else ExitStack():
            before = settings()
            if early:
                codec = svcodec.Codec()
            coded = {tier: codec.encode(picture, tier=tier, effort=EFFORTS[tier]) for tier in tiers}
            decoded = {tier: codec.decode(data) for tier, data in streams.items()}
            searched = codec.encode(picture, tier="lossless", effort=3, verify=True) if all_of_it else None
            score = codec.assess(picture).score if all_of_it else None
            after = settings()
        found[name] = {
            "coded": {tier: sha(data) for tier, data in coded.items()},
            "decoded": {tier: sha(image.tobytes()) for tier, image in decoded.items()},
            "searched": searched and sha(codec.decode(searched).tobytes()),
            "score": score,
            "changed": [key for key in before if before[key] != after[key]],
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
