"""Sign and gate against plain SHA-256, model_signing and the page cache, on the same bytes in one run.

    python -m benchmarks.evidence [--megabytes 2000] [--folder FOLDER] [--peer PYTHON] [--no-peers]

The data: two big files and many of 1 MB, random bytes, read once before so that they lie in the page cache. Rounds
are interleaved; figures are medians. ``sign`` is the one pass that gives whole-file SHA-256 and the chunk tree;
``gate`` is the whole gate on a bundle, signatures and bytes. model_signing runs in an environment of its own, or that
of ``--peer``, and is timed inside its process, imports left out.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blake3 import blake3

from benchmarks.child import run
from benchmarks.environments import PeerMissing, python_of
from benchmarks.goals import Goal, machine, print_goals, table
from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.keys import generate
from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE
from poisonguard.dataset.discover import discover
from poisonguard.dataset.hashing import FileDigests, Hashing, hash_files
from poisonguard.domain.dataset import CHUNK

WORKERS = 2
ROUNDS = 3
BIG_SHARE = 0.75
SMALL = 1 << 20
PIECE = 64 << 20
BESIDES = 150
"""Milliseconds that the gate may take besides the bytes."""
TINY = "gate, 8 bytes"

PEER = """
import sys, time
from pathlib import Path
import model_signing
data, key, public, signature = map(Path, sys.argv[1:5])
start = time.perf_counter()
model_signing.signing.Config().use_elliptic_key_signer(private_key=key).sign(data, signature)
middle = time.perf_counter()
model_signing.verifying.Config().use_elliptic_key_verifier(public_key=public).verify(data, signature)
print(middle - start, time.perf_counter() - middle)
"""


def make_data(folder: Path, megabytes: int) -> int:
    """Two big files and many small ones; how many bytes."""
    folder.mkdir(parents=True)
    big = int(megabytes * BIG_SHARE / 2) << 20
    for name in ("a.bin", "b.bin"):
        with (folder / name).open("wb") as stream:
            for _ in range(0, big, CHUNK):
                stream.write(os.urandom(CHUNK))
    for index in range(max(1, (megabytes << 20) - 2 * big >> 20)):
        (folder / f"part-{index:04}.bin").write_bytes(os.urandom(SMALL))
    return sum(path.stat().st_size for path in folder.iterdir())


def on_threads(work: Callable[[Path], object], paths: Sequence[Path]) -> None:
    """``work`` on every file, biggest first."""
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, sorted(paths, key=lambda path: -path.stat().st_size)))


def plain_sha256(folder: Path) -> None:
    """The standard library over every file."""

    def digest(path: Path) -> str:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    on_threads(digest, list(folder.iterdir()))


def coreutils(folder: Path) -> None:
    """``sha256sum`` of every file, one after the other, as it is run by hand."""
    run(["sha256sum", *sorted(folder.iterdir())])


def read_ceiling(folder: Path) -> None:
    """Reading every byte into a reused buffer, in pieces on every thread: what no gate can beat."""
    pieces = [(path, start) for path in folder.iterdir() for start in range(0, path.stat().st_size, PIECE)]

    def read(piece: tuple[Path, int]) -> None:
        path, start = piece
        buffer = memoryview(bytearray(CHUNK))
        with path.open("rb", buffering=0) as stream:
            for offset in range(start, start + PIECE, CHUNK):
                if not os.preadv(stream.fileno(), [buffer], offset):
                    break

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(read, pieces))


def blake3_alone(size: int) -> None:
    """BLAKE3 over bytes that the processor has already: with reading, or SHA-256, added, what hashing can reach."""
    chunk = os.urandom(CHUNK)

    def digest(count: int) -> None:
        for _ in range(count):
            blake3(chunk).digest()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(digest, [size // CHUNK // WORKERS] * WORKERS))


def hash_with(folder: Path, *, sha256: bool, fips: bool = False) -> None:
    """Our own pass over the bytes."""
    tree = discover(str(folder))
    wanted = [(item.path, item.size) for item in tree.files]
    chosen = FIPS_TREE if fips else BLAKE3_TREE
    done = hash_files(tree.storage, wanted, Hashing(sha256=sha256, tree=chosen), workers=WORKERS)
    if not all(isinstance(item, FileDigests) for item in done):
        raise SystemExit("a file could not be hashed")


def make_bundle(work: Path, data: Path) -> tuple[Path, Path, Path]:
    """A workspace with the data published, scanned by hand and approved; bundle, trust root and P-256 key."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import evidence_world as world  # type: ignore[import-not-found]  # noqa: PLC0415 - the tests' own publisher, scanner and stewards

    from poisonguard.store.bundle import dump  # noqa: PLC0415 - after the path is set

    made = world.World(content=world.inventory_of_folder(data)).behave().bundle()
    (work / "x.pgbundle").write_bytes(dump(made))
    (work / "trust.json").write_bytes(made.trust_roots[0])
    save_private_key(generate(), work / "p256.key", None)
    return work / "x.pgbundle", work / "trust.json", work / "p256.key"


def gate_once(data: Path, bundle: Path, trust: Path) -> None:
    """The whole gate; it must pass."""
    import evidence_world as world  # noqa: PLC0415 - see above

    from poisonguard.workflow.gate_request import GateRequest  # noqa: PLC0415 - not needed by the others
    from poisonguard.workflow.gating import run_gate  # noqa: PLC0415 - the same

    request = GateRequest(data=str(data), bundle=bundle, trust=str(trust), start=bundle.parent, workers=WORKERS)
    gated = run_gate(request, world.NOW)
    if not gated.decision.passed:
        raise SystemExit(f"the gate refused: {gated.decision.decision.reasons[0]}")


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run_peer(python: Path, data: Path, key: Path, signature: Path) -> tuple[float, float]:
    """Seconds of model_signing for signing and for verifying."""
    command = [python, "-c", PEER, data, key, key.with_name(key.name + ".pub"), signature]
    first, second = run(command).output.split()[-2:]
    return float(first), float(second)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the data, time everybody, print goals beside figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--no-peers", action="store_true")
    given = parser.parse_args(arguments)
    peer, missing = given.peer, "left out"
    try:
        peer = peer if peer or given.no_peers else python_of("modelsigning")
    except PeerMissing as error:
        missing = str(error)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        measure(Path(name), given.megabytes, peer, missing)


def measure(work: Path, megabytes: int, peer: Path | None, missing: str) -> None:
    """Time everybody on the same bytes and print the table."""
    data, tiny = work / "data", work / "tiny"
    size = make_data(data, megabytes)
    tiny.mkdir()
    (tiny / "a.csv").write_text("a,b\n1,2\n")
    bundle, trust, key = make_bundle(work, data)
    small = work / "small"
    small.mkdir()
    small_bundle, small_trust, _ = make_bundle(small, tiny)
    seconds: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        rounds = {
            "read ceiling": lambda: read_ceiling(data),
            "BLAKE3 alone": lambda: blake3_alone(size),
            "sha256sum": lambda: coreutils(data),
            "plain SHA-256": lambda: plain_sha256(data),
            "sign: SHA-256 and tree": lambda: hash_with(data, sha256=True),
            "sign: FIPS tree": lambda: hash_with(data, sha256=True, fips=True),
            "gate": lambda: gate_once(data, bundle, trust),
            TINY: lambda: gate_once(tiny, small_bundle, small_trust),
        }
        for what, step in rounds.items():
            seconds.setdefault(what, []).append(timed(step))
        if peer is not None:
            first, second = run_peer(peer, data, key, work / "model.sig")
            seconds.setdefault("model_signing sign", []).append(first)
            seconds.setdefault("model_signing verify", []).append(second)
    report({what: statistics.median(values) for what, values in seconds.items()}, size, missing)


def report(seconds: dict[str, float], size: int, missing: str) -> None:
    """The table: figures, then ratios beside their goals."""
    print(f"{size / 1e9:.2f} GB, {WORKERS} threads, median of {ROUNDS}; {machine()}")
    rows = [[what, f"{value:.3f}", f"{size / value / 1e9:.2f}"] for what, value in seconds.items() if what != TINY]
    print("\n".join(table([["what", "seconds", "GB/s"], *rows])))
    gate_limit = seconds["read ceiling"] / (seconds["read ceiling"] + seconds["BLAKE3 alone"])
    sign_limit = seconds["plain SHA-256"] / (seconds["plain SHA-256"] + seconds["BLAKE3 alone"])
    print(f"limits here, of reading and hashing at their own speeds: gate {gate_limit:.2f}x, sign {sign_limit:.2f}x")
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")

    def ratio(base: str, ours: str) -> float | None:
        return seconds[base] / seconds[ours] if base in seconds else None

    sign = "sign: SHA-256 and tree"
    goals = [
        Goal("sign: speed to plain SHA-256", 0.85, ratio("plain SHA-256", sign)),
        Goal("gate: speed to model_signing verify", 3.0, ratio("model_signing verify", "gate"), why_not=missing),
        Goal("gate: speed to the read ceiling", 0.8, ratio("read ceiling", "gate")),
        Goal("gate: besides the bytes", BESIDES, 1000 * seconds[TINY], at_most=True, unit=" ms"),
    ]
    print_goals(goals)
    signing = ratio("model_signing sign", sign)
    if signing is not None:
        print(f"sign to model_signing sign: {signing:.2f}x; to sha256sum: {seconds['sha256sum'] / seconds[sign]:.2f}x")


if __name__ == "__main__":
    main()
