"""Where a table keeps its pictures: bytes of image files, a list of pixels, or one column for each pixel."""

from __future__ import annotations

import math
import re

from poisonguard.detectors.features_tabular import NUMERIC
from poisonguard.domain.dataset import Kind
from poisonguard.domain.roles import Role
from poisonguard.kernels.pictures import can_decode
from poisonguard.plugin.check import Context, NotApplicable
from poisonguard.sketches.pictures import PictureColumns, Shape

FEWEST_PIXELS = 64
PIXEL = re.compile(r"(?i)(pixel|pix|px|p)?[ _.-]?\d+([ _.x-]\d+)?")
NAMED = re.compile(r"(?i)(image|img|picture|pixels?|pixel_values)")
NUMBERS = re.compile(r"((large_|fixed_size_)?list<item: )+(u?int\d+|float|double|halffloat)\W.*")

NEEDS_LIBRARY = "pictures in files need an image library: pip install 'poisonguard[images]'"


def picture_columns(context: Context) -> PictureColumns | NotApplicable:
    """The first column of pictures, or all columns of pixels."""
    kinds = {column.name: column for column in context.columns}
    images = [kinds[name] for name in context.roles.all(Role.IMAGE)]
    held = next((column.name for column in images if column.kind is Kind.BINARY), None)
    if held is not None:
        return PictureColumns(Shape.BYTES, (held,)) if can_decode() else NotApplicable(NEEDS_LIBRARY)
    features = [kinds[name] for name in context.roles.all(Role.FEATURE)]
    lists = (column.name for column in (*images, *features) if _is_list(column.name, column.kind, column.type))
    listed = next(lists, None)
    if listed is not None:
        return PictureColumns(Shape.LIST, (listed,))
    pixels = tuple(column.name for column in features if column.kind in NUMERIC and PIXEL.fullmatch(column.name))
    if len(pixels) >= FEWEST_PIXELS and math.isqrt(len(pixels)) ** 2 == len(pixels):
        return PictureColumns(Shape.PIXELS, pixels)
    return NotApplicable("no column of pictures, and no columns of pixels of a square")


def are_pixels(context: Context) -> bool:
    """Whether each of many columns is a pixel: they depend on each other as pictures do, not as measures of a row."""
    found = picture_columns(context)
    return isinstance(found, PictureColumns) and found.shape is Shape.PIXELS


def _is_list(name: str, kind: Kind, arrow_type: str) -> bool:
    return kind is Kind.NESTED and bool(NAMED.fullmatch(name)) and bool(NUMBERS.fullmatch(arrow_type))
