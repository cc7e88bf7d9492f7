"""The typeface of everything that is drawn: its files and where they are served."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# A name of our own: under "Noto Sans" a browser could take the system's, of another version and width.
FAMILY = "Baikoo Sans"
STACK = f"'{FAMILY}', sans-serif"  # what the font has no letter for (an emoji in a message) is the system's
KEPT = {"cache-control": "public, max-age=31536000, immutable"}  # for an address that names its content's hash


@dataclass(frozen=True)
class Face:
    """A file of the family, and which letters it is asked for."""

    name: str
    unicode_range: str

    @cached_property
    def content(self) -> bytes:
        return (Path(__file__).parent / "noto_sans" / f"{self.name}.woff2").read_bytes()

    @property
    def file(self) -> str:
        return f"{self.name}.{digest(self.content)}.woff2"

    @property
    def address(self) -> str:
        """Relative to a page, as Streamlit's own files are."""
        return f"./fonts/{self.file}"


# Where two have a letter, the browser takes the last: symbols are told apart by their range.
FACES = (
    Face("letters", "U+0-10FFFF"),
    Face("symbols", "U+2190-2211, U+2213-2311, U+23CE, U+25A0-25FF, U+2605-2606, U+2713, U+27F0-27FF"),
)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def route() -> Route:
    """Where the browser fetches the files. An address changes with its file, so the browser may keep it."""
    files = {face.file: face.content for face in FACES}

    async def face(request: Request) -> Response:
        content = files.get(request.path_params["file"])
        if content is None:
            return Response(status_code=404)
        return Response(content, media_type="font/woff2", headers=KEPT)

    return Route("/fonts/{file}", face)
