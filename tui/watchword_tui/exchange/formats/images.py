"""Images with QR codes: what they say is read as otpauth:// and otpauth-migration:// URIs."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.formats.otpauth import is_uri, read_uris
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from PIL.Image import Image

    from watchword_tui.exchange.model import Ask
    from watchword_tui.exchange.source import Source

MAX_PIXELS = 40_000_000
"""Largest image looked at: what the largest phone cameras take and more than any screen shows."""

_KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")


def recognise(source: Source) -> bool:
    """Whether the file begins as PNG, JPEG, GIF, BMP or WebP."""
    data = source.data
    return data.startswith(_STARTS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def read(source: Source, _ask: Ask) -> Reading:
    """Find the QR codes and read what they say."""
    texts = _qr_texts(_opened(source))
    if not texts:
        raise ForeignFileError(
            f"no QR code found in {source.name}", "crop it closer or take a sharper picture"
        )
    uris = [(f"QR code {place}", text) for place, text in enumerate(texts, start=1) if is_uri(text)]
    if not uris:
        raise ForeignFileError(
            f"the QR code in {source.name} is none of an authenticator",
            "it must begin with otpauth:// or otpauth-migration://",
        )
    other = len(texts) - len(uris)
    found = read_uris(uris)
    problems = (f"{other} other QR codes in {source.name} left out",) if other else ()
    return Reading(entries=found.entries, problems=problems, batches=found.batches)


def _opened(source: Source) -> Image:
    try:
        from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - an extra
    except ImportError:
        raise _not_installed() from None
    try:
        with warnings.catch_warnings():
            # Its own limit is looked at below, with ours.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(source.data), formats=_KINDS)
            if image.width * image.height > MAX_PIXELS:
                raise _too_large(source.name)
            return _grey(image)
    except Image.DecompressionBombError:
        raise _too_large(source.name) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, MemoryError):
        # What Pillow's decoders raise on damaged files.
        raise ForeignFileError(
            f"the image {source.name} is damaged", "save it again as PNG and import that"
        ) from None


def _grey(image: Image) -> Image:
    """The image without colours; where it is transparent, it is white, as QR codes need it."""
    from PIL import Image as Images  # noqa: PLC0415 - an extra

    if image.mode not in {"LA", "PA", "RGBA"}:
        if "transparency" not in image.info:
            return image.convert("L")
        image = image.convert("RGBA")
    paper = Images.new("L", image.size, "white")
    paper.paste(image.convert("L"), mask=image.getchannel("A"))
    return paper


def _qr_texts(image: Image) -> list[str]:
    try:
        import zxingcpp  # noqa: PLC0415 - an extra
    except ImportError:
        raise _not_installed() from None
    codes = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    # From the top left, as people read.
    codes.sort(key=lambda code: (code.position.top_left.y // 50, code.position.top_left.x))
    return list(dict.fromkeys(code.text for code in codes if code.text))


def _not_installed() -> ForeignFileError:
    return ForeignFileError(
        "reading QR codes from images needs two more packages", "pip install 'watchword[images]'"
    )


def _too_large(name: str) -> ForeignFileError:
    return ForeignFileError(
        f"the image {name} is larger than any screen or camera makes",
        "crop it to the QR codes and import that",
    )


FORMAT = Format(name="image", title="Image with QR codes", recognise=recognise, read=read)
