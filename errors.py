"""The exceptions of svcodec: one tree, so that `except SvcodecError` catches whatever coding can raise.

SvcodecError
├── InputError
│   └── RejectedError
├── StreamError
│   ├── NotSvcError
│   ├── TruncatedError
│   ├── CorruptError
│   ├── UnsupportedError
│   └── TooLargeError (an InputError too)
├── ModelError
├── OutOfMemoryError
└── MissingPackageError

`OutlierWarning` and `DroppedWarning` are warnings, not errors.
"""


class SvcodecError(Exception):
    """Base class of every error that svcodec raises on purpose."""


class InputError(SvcodecError):
    """A picture, a file or an argument that can't be coded or read."""


class RejectedError(InputError):
    """A picture that the gate holds for no photo.

    Attributes:
        assessment: the `Assessment` that it got.
    """

    def __init__(self, text: str, assessment: object):
        super().__init__(text)
        self.assessment = assessment

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.assessment)


class OutlierWarning(UserWarning):
    """A picture that the gate holds for no photo was coded all the same."""


class DroppedWarning(UserWarning):
    """A picture was coded or written without something that its file carried; the text names it."""


class StreamError(SvcodecError):
    """Bytes that are not a valid .svc stream, or not one that may be decoded."""


class NotSvcError(StreamError):
    """A file of another format."""


class TruncatedError(StreamError):
    """A stream that ends, or runs out of coded bits, too early."""


class CorruptError(StreamError):
    """A stream whose checksum or content is wrong."""


class UnsupportedError(StreamError):
    """A stream that needs a newer reader."""


class TooLargeError(InputError, StreamError):
    """A picture, in a stream or to be coded, of more pixels than the caller allows, or that does not fit in memory."""


class ModelError(SvcodecError):
    """A model that is unknown, is not the one a stream was made with, or fails its self-test."""


class OutOfMemoryError(SvcodecError):
    """Memory ran out while a picture was coded or decoded."""


class MissingPackageError(SvcodecError):
    """A package is not installed, or lacks a part, that only benchmarks, clusters or a target of SSIMULACRA 2 need."""


# What a RuntimeError says of it: torch on a CPU, here and on Windows, and on a GPU; oneDNN; Python.
_NO_MEMORY = (
    "allocate memory",
    "not enough memory",
    "out of memory",
    "memory object",
    "could not create a memory",
    "could not create a primitive",
    "start new thread",
)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, NumPy, Pillow or torch says that memory ran out."""
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in _NO_MEMORY)
