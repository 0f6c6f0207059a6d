"""Pictures in and out: samples, and all that a picture carries beside them.

`reading` makes a `Picture` of files, Pillow images, arrays and tensors; `carried` collects what goes with it, with a
module for each format that needs one; `writing` gives it back, as a Pillow image or as a file of another format.
"""

from .alpha import decode_alpha, encode_alpha
from .picture import Picture
from .reading import PictureLike, read_picture
from .writing import to_array, to_image

__all__ = ["Picture", "PictureLike", "decode_alpha", "encode_alpha", "read_picture", "to_array", "to_image"]
