"""One PNG or JPEG file: decoded within bounds, and as the pixels that a model takes."""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from kerasearch.models.datasets.refusal import refuse

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
MAX_BYTES = 64 << 20
MAX_PIXELS = 50_000_000  # of one picture, before it is resized

_JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}


def is_junk(parts: tuple[str, ...]) -> bool:
    """Whether a path is what systems leave in folders unasked."""
    return parts[0] in _JUNK or parts[-1] in _JUNK or parts[-1].startswith(".")


def require_picture(path: str) -> None:
    """Raises InvalidInput at `/file`: the name isn't that of a PNG or a JPEG file."""
    if PurePosixPath(path).suffix.lower() not in FORMATS:
        refuse(f"{path!r} is no PNG or JPEG file: leave it out")


@contextmanager
def decoded(name: str, file: IO[bytes]) -> Iterator[Image.Image]:
    """The picture in a file.

    Raises:
        InvalidInput: At `/file`, by `name`: it is none, or too large.
    """
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        refuse(f"{name!r} has more than {MAX_BYTES:,} bytes, which a picture may have")
    try:
        with Image.open(io.BytesIO(content), formats=sorted({*FORMATS.values()})) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                size = f"{picture.width:,} x {picture.height:,}"
                refuse(f"{name!r} has {size} pixels; at most {MAX_PIXELS:,} are taken")
            picture.load()
            yield picture
    except UnidentifiedImageError:  # its message names the object in memory
        refuse(
            f"{name!r} is no whole PNG or JPEG picture: its content is of another format, or its "
            "beginning is damaged"
        )
    except (OSError, SyntaxError, ValueError, zlib.error) as error:
        refuse(f"{name!r} is no whole PNG or JPEG picture: {error}")
    except Image.DecompressionBombError as error:
        refuse(f"{name!r} is too large: {error}")


def pixels_of(picture: Image.Image, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Upright, and resized to `shape`: height, width, and 1 channel or 3."""
    height, width, channels = shape
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a pixel
        deep = np.asarray(picture, np.float64)
        picture = Image.fromarray((deep / 257).clip(0, 255).astype(np.uint8))
    upright = ImageOps.exif_transpose(picture).convert("L" if channels == 1 else "RGB")
    sized = upright.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(sized, np.uint8).reshape(shape)
