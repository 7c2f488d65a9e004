"""Approved files as an fsspec file system: read only, listed by the signed listing, every byte checked.

pandas, polars, Hugging Face ``datasets``, Arrow (through its fsspec handler) and plain ``open()`` all read through it.
Rules:

1. Paths are those of the listing; a leading ``poisonguard://`` or ``/`` is dropped, nothing else is interpreted.
2. Whatever would change something is refused with :class:`PermissionError`.
3. Nothing is cached but the listing: there is no copy of a file that could go stale.
"""

from __future__ import annotations

import errno
from typing import Any, NoReturn

from fsspec.spec import AbstractFileSystem

from poisonguard.dataset.verified import VerifiedFile
from poisonguard.dataset.verified_files import Item, ObserverOf, VerifiedFiles

PROTOCOL = "poisonguard"


class VerifiedFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """The files of one approved version.

    Args:
        files: The files.

    Attributes:
        observer_of: Who is told what becomes of reads of a file.
    """

    protocol = PROTOCOL
    root_marker = ""
    cachable = False

    def __init__(self, files: VerifiedFiles) -> None:
        super().__init__(use_listings_cache=False)
        self.files = files
        self.observer_of: ObserverOf | None = None

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(item) for item in path]
        return str(path).removeprefix(f"{PROTOCOL}://").strip("/")

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002 - fsspec's signature
        """What lies in a folder, or the file itself."""
        path = self._strip_protocol(path)
        item = self._item(path)
        found = [item] if item.size is not None else list(self.files.children(path))
        return [_facts(one) if detail else one.path for one in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Facts of a file or folder, as the listing says them."""
        return _facts(self._item(self._strip_protocol(path)))

    def exists(self, path: str, **_: Any) -> bool:
        """Whether the listing has such a file or folder."""
        return self.files.find(self._strip_protocol(path)) is not None

    def ukey(self, path: str) -> str:
        """What names the content of a file: the root of its chunk tree."""
        return self._item(self._strip_protocol(path)).tree_root

    def checksum(self, path: str) -> int:
        """The same as a number."""
        return int(self.ukey(path) or "0", 16)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> VerifiedFile:
        if mode not in {"rb", "r"}:
            _refuse(path)
        return self.files.open(self._strip_protocol(path), self.observer_of)

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        """Open a file for reading; as text, decompressed or raw, as fsspec does."""
        if set(mode) & set("wax+"):
            _refuse(path)
        return super().open(path, mode, **options)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """Some bytes of a file; negative places count from its end."""
        with self._open(path) as file:
            begin, stop, _step = slice(start, end).indices(file.size)
            data: bytes = file.read_range(begin, stop).to_pybytes()
        return data

    def _item(self, path: str) -> Item:
        item = self.files.find(path)
        if item is None:
            raise FileNotFoundError(errno.ENOENT, "no such file or folder in the approved version", path)
        return item

    def _refused(self, path: Any = "", *_: Any, **__: Any) -> NoReturn:
        _refuse(path)

    mkdir = makedirs = rmdir = rm = rm_file = _rm = cp_file = mv = pipe_file = put_file = touch = _refused
    created = modified = sign = _refused


def _refuse(path: Any) -> NoReturn:
    raise PermissionError(errno.EROFS, "an approved version can only be read", str(path))


def _facts(item: Item) -> dict[str, Any]:
    if item.size is None:
        return {"name": item.path, "size": 0, "type": "directory"}
    # By its ETag, Hugging Face datasets tells in its cache one content of a path from another.
    return {"name": item.path, "size": item.size, "type": "file", "ETag": item.tree_root}
