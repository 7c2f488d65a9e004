"""What docs/how-to/train-on-approved-bytes.md shows of other readers, run."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from verified_world import BIG, ROWS, Approval

import poisonguard as pg

PATH = Path(__file__).resolve().parents[2] / "examples" / "readers" / "read_approved.py"


@pytest.fixture(scope="module")
def examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("read_approved", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CALLS: dict[str, Callable[[ModuleType, Approval, Path], Any]] = {
    "polars_file": lambda made, v, _: made.polars_file(BIG, str(v.data), **v.options).height,
    "polars_lazy": lambda made, v, _: made.polars_lazy(str(v.data), **v.options).select("id").collect().height,
    "hugging_face_stream": lambda made, v, _: sum(1 for _ in made.hugging_face_stream(BIG, str(v.data), **v.options)),
    "hugging_face_cached": lambda made, v, p: len(made.hugging_face_cached(BIG, str(p), str(v.data), **v.options)),
    "hugging_face_in_memory": lambda made, v, _: len(made.hugging_face_in_memory(str(v.data), **v.options)),
}
ALL = {"polars_lazy", "hugging_face_in_memory"}


@pytest.mark.parametrize("name", CALLS)
def test_an_example_reads_and_stops(name: str, examples: ModuleType, version: Approval, tmp_path: Path) -> None:
    assert CALLS[name](examples, version, tmp_path / "one") == (ROWS + 1600 if name in ALL else ROWS)
    version.flip(BIG)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each reader has errors of its own; what they say is checked
        CALLS[name](examples, version, tmp_path / "two")
    assert "part-0.parquet: changed after it was hashed" in f"{raised.value} {raised.value.__cause__}"
    assert pg.filesystem(version.data, **version.options).exists(BIG)
