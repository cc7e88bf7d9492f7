"""Pictures that people attach: made anew from their points, so that nothing else comes along."""

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST = 10_000_000  # bytes: a photograph of a page as a telephone takes it
_POINTS = 60_000_000
_SIDE = 3_500  # points: every figure of a protocol can be read
_FORMATS = ("JPEG", "PNG")


class NoPicture(ValueError):
    """What was attached is no picture that can be kept. `reason`: large, kind."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Picture:
    """A JPEG without the place, time and device that telephones write into theirs."""

    body: bytes
    content_type: str = "image/jpeg"


def picture(sent: bytes) -> Picture:
    """A JPEG or PNG as a browser sent it, whose name and type are believed in nothing. Raises NoPicture."""
    if len(sent) > LARGEST:
        raise NoPicture("large")
    try:
        with Image.open(io.BytesIO(sent), formats=_FORMATS) as image:
            if image.width * image.height > _POINTS:
                raise NoPicture("large")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, NoPicture):
            raise
        raise NoPicture("kind") from error
    upright.thumbnail((_SIDE, _SIDE))
    made = io.BytesIO()
    Image.frombytes("RGB", upright.size, upright.tobytes()).save(made, "JPEG", quality=88)
    return Picture(made.getvalue())
