"""Peers of ``column_profile.py``, in their own environment: name, rows per second, peak MiB of the process.

    python column_profile_peers.py OLD.parquet NEW.parquet

Reading the file counts, as it does for us; at most a million rows are given to a peer, whose rate does not grow with
them. Each peer runs in a process of its own, so that its peak is its own.
"""

import importlib.util
import multiprocessing
import resource
import sys
import time

ROWS = 200_000


def frames(old: str, new: str) -> tuple:
    """The first rows of both files as pandas frames."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - in the child

    def first(path: str) -> object:
        return next(pq.ParquetFile(path).iter_batches(ROWS)).to_pandas()

    return first(old), first(new)


def evidently(old: str, new: str) -> None:
    """Evidently's drift report."""
    from evidently import Report  # noqa: PLC0415 - in the child
    from evidently.presets import DataDriftPreset  # noqa: PLC0415 - in the child

    reference, current = frames(old, new)
    Report([DataDriftPreset()]).run(current, reference).dict()


def whylogs(old: str, new: str) -> None:
    """A profile by whylogs."""
    import whylogs  # noqa: PLC0415 - in the child

    del old
    whylogs.log(frames(new, new)[1]).view()


def measure(name: str, run: object, old: str, new: str) -> None:
    """Print one line."""
    started = time.perf_counter()
    run(old, new)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{name}, {ROWS:,} rows\t{ROWS / seconds}\t{peak}", flush=True)


if __name__ == "__main__":
    for name, run in (("evidently", evidently), ("whylogs", whylogs)):
        if importlib.util.find_spec(name):
            child = multiprocessing.get_context("spawn").Process(target=measure, args=(name, run, *sys.argv[1:3]))
            child.start()
            child.join()
