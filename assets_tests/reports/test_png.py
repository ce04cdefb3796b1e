"""A picture packed tightly is the same picture."""

import struct
import zlib

import pytest
import vl_convert

from lakehouse.reports.png import packed

SPEC = {
    "data": {"values": [{"x": place, "y": place * 7 % 13} for place in range(60)]},
    "mark": "area",
    "width": 400,
    "height": 200,
    "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
}


def chunks(picture: bytes) -> list[tuple[bytes, bytes]]:
    """The parts of a PNG file, each with its checksum right."""
    found, place = [], 8
    while place < len(picture):
        (length,) = struct.unpack_from(">I", picture, place)
        kind, content = picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", picture, place + 8 + length) == (zlib.crc32(kind + content),)
        found.append((kind, content))
        place += 12 + length
    return found


def pixels(picture: bytes) -> bytes:
    return zlib.decompress(b"".join(content for kind, content in chunks(picture) if kind == b"IDAT"))


def test_a_packed_picture_has_the_same_pixels_and_is_smaller() -> None:
    picture = vl_convert.vegalite_to_png(SPEC)
    tight = packed(picture)

    assert pixels(tight) == pixels(picture)
    assert len(tight) < len(picture)
    assert [each for each in chunks(tight) if each[0] != b"IDAT"] == [
        each for each in chunks(picture) if each[0] != b"IDAT"
    ]
    assert chunks(tight)[-1] == (b"IEND", b"")
    assert packed(tight) == tight


def test_what_is_no_picture_is_told() -> None:
    with pytest.raises(ValueError, match="expected a PNG file, found one that begins with b'<svg"):
        packed(b"<svg></svg>")
