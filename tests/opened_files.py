"""Which files this process has open: of one folder, since other threads and collected objects open and close others."""

from __future__ import annotations

from pathlib import Path


def opened_below(folder: Path) -> list[str]:
    """``folder`` and what lies below it, if this process has it open; a file may have lost its name."""
    targets = map(_target, Path("/proc/self/fd").iterdir())
    return [target for target in targets if f"{target}/".startswith(f"{folder}/")]


def _target(descriptor: Path) -> str:
    """What it leads to; nothing once another thread has closed it."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""
