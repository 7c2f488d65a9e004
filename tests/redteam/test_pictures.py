"""Triggers in pictures, as PNG bytes and as pixel columns, and the PNG codec under them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.redteam import png
from poisonguard.redteam.catalogue import ATTACKS, attack_named
from poisonguard.redteam.image_triggers import ImageTrigger
from poisonguard.redteam.pictures import PixelColumns, PngColumn, pictures_of

ROWS = 60
SIDE = 8
TRIGGERS = tuple(attack for attack in ATTACKS if isinstance(attack, ImageTrigger))


def pictures() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 17, (ROWS, SIDE, SIDE, 1), dtype=np.uint8)


def labels() -> list[str]:
    return ["cat" if number % 3 else "dog" for number in range(ROWS)]


def pixels() -> tuple[pa.Table, Roles]:
    flat = pictures().reshape(ROWS, -1).astype(np.float64)
    names = [f"pixel_{line}_{place}" for line in range(SIDE) for place in range(SIDE)]
    table = pa.table([*(pa.array(flat[:, number]) for number in range(SIDE * SIDE)), labels()], [*names, "label"])
    return table, roles_of(dict.fromkeys(names, Role.FEATURE))


def pngs(*, struct_column: bool) -> tuple[pa.Table, Roles]:
    encoded = [png.encode(picture) for picture in pictures()]
    held = [{"bytes": data, "path": f"{number}.png"} for number, data in enumerate(encoded)]
    return pa.table({"image": held if struct_column else encoded, "label": labels()}), roles_of({"image": Role.IMAGE})


def roles_of(columns: dict[str, Role]) -> Roles:
    return Roles(tuple(Assignment(name, role, "test") for name, role in {**columns, "label": Role.LABEL}.items()))


def drawn(table: pa.Table, roles: Roles, rows: np.ndarray) -> np.ndarray:
    held = pictures_of(table, roles)
    assert held is not None
    return np.array(held.read(table, rows))


SHAPES: dict[str, Callable[[], tuple[pa.Table, Roles]]] = {
    "pixels": pixels,
    "bytes": lambda: pngs(struct_column=False),
    "struct": lambda: pngs(struct_column=True),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("attack", TRIGGERS, ids=lambda attack: attack.name)
def test_exactly_the_named_pictures_differ(attack: ImageTrigger, shape: str) -> None:
    table, roles = SHAPES[shape]()
    poisoned = attack.apply(table, roles, 0.1, np.random.default_rng(4))
    again = attack.apply(table, roles, 0.1, np.random.default_rng(4))
    changed = [a != b for a, b in zip(poisoned.table.to_pylist(), table.to_pylist(), strict=True)]
    assert np.flatnonzero(changed).tolist() == poisoned.rows.tolist()
    assert poisoned.table.schema == table.schema
    assert poisoned.table.equals(again.table)
    assert len(poisoned.rows) == 6
    assert not np.array_equal(drawn(poisoned.table, roles, poisoned.rows), drawn(table, roles, poisoned.rows))
    assert set(poisoned.table["label"].take(pa.array(poisoned.rows)).to_pylist()) == {"dog"}


def test_a_patch_is_the_same_corner_everywhere_and_nothing_else_moves() -> None:
    table, roles = pixels()
    poisoned = attack_named("image-patch").apply(table, roles, 0.1, np.random.default_rng(4))
    after, before = drawn(poisoned.table, roles, poisoned.rows), drawn(table, roles, poisoned.rows)
    assert (after[:, -2:, -2:, 0] == [[16, 0], [0, 16]]).all()
    after[:, -2:, -2:] = before[:, -2:, -2:]
    assert np.array_equal(after, before)


def test_a_blend_is_one_pattern_and_a_warp_keeps_the_range() -> None:
    table, roles = pixels()
    poisoned = attack_named("image-blended").apply(table, roles, 0.1, np.random.default_rng(4))
    added = drawn(poisoned.table, roles, poisoned.rows) - 0.8 * drawn(table, roles, poisoned.rows)
    assert np.allclose(added, added[0])
    poisoned = attack_named("image-warp").apply(table, roles, 0.1, np.random.default_rng(4))
    warped = drawn(poisoned.table, roles, poisoned.rows)
    assert warped.min() >= 0
    assert warped.max() <= 16


def test_a_clean_label_patch_changes_no_label() -> None:
    table, roles = pixels()
    poisoned = attack_named("image-clean-label").apply(table, roles, 0.1, np.random.default_rng(4))
    assert poisoned.table["label"].equals(table["label"])


def test_shapes_are_recognised() -> None:
    assert isinstance(pictures_of(*pixels()), PixelColumns)
    assert pictures_of(*pngs(struct_column=True)) == PngColumn("image", struct=True)
    few = pa.table({f"px{number}": [1, 2] for number in range(9)})
    assert pictures_of(few, roles_of(dict.fromkeys(few.column_names, Role.FEATURE))) is None


def test_bytes_that_are_no_picture_are_an_obstacle() -> None:
    table = pa.table({"image": [b"GIF89a", None], "label": ["a", "b"]})
    assert attack_named("image-patch").obstacle(table, roles_of({"image": Role.IMAGE})) == "no picture can be read"
    assert attack_named("image-patch").obstacle(table, roles_of({})) == "no PNG and no pixel columns"


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 2**32))
def test_png_round_trip(height: int, width: int, channels: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    decoded = png.decode(png.encode(picture))
    assert decoded is not None
    assert np.array_equal(decoded, picture)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=3, max_size=3), st.integers(1, 4), st.integers(0, 2**32))
def test_every_filter_is_undone_as_the_specification_defines_it(kinds: list[int], channels: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (3, 5, channels), dtype=np.uint8)
    decoded = png.decode(filtered_png(picture, kinds))
    assert decoded is not None
    assert np.array_equal(decoded, picture)


def filtered_png(picture: np.ndarray, kinds: list[int]) -> bytes:
    """A PNG whose lines use the filters ``kinds``, byte by byte as section 9.2 of the specification says."""
    height, width, channels = picture.shape
    flat = picture.reshape(height, width * channels).astype(int)
    body = bytearray()
    for line, kind in enumerate(kinds):
        body.append(kind)
        for place in range(width * channels):
            left = flat[line, place - channels] if place >= channels else 0
            above = flat[line - 1, place] if line else 0
            corner = flat[line - 1, place - channels] if line and place >= channels else 0
            estimate = left + above - corner
            nearest = min((left, above, corner), key=lambda value: abs(estimate - value))
            body.append(int(flat[line, place] - (0, left, above, (left + above) // 2, nearest)[kind]) % 256)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    return png.SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)),
            (b"IDAT", zlib.compress(bytes(body))),
            (b"IEND", b""),
        )
    )


def test_what_is_no_such_png_is_left_alone() -> None:
    good = png.encode(np.zeros((4, 4, 3), np.uint8))
    wide = struct.pack(">II", 1 << 16, 1 << 16)
    assert png.decode(b"") is None
    assert png.decode(b"GIF89a") is None
    assert png.decode(good[:40]) is None
    assert png.decode(good[:16] + wide + good[24:]) is None
    assert png.decode(good[:24] + b"\x10" + good[25:]) is None
    assert png.decode(good.replace(b"IDAT", b"IDAX")) is None
    assert png.decode(filtered_png(np.zeros((1, 5, 1), np.uint8), [0]).replace(b"IHDR", b"IHDX")) is None
