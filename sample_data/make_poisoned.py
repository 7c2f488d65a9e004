"""Makes every poisoned version from the clean next version; running it again gives the same bytes.

::

    python sample_data/make_poisoned.py [FOLDER]

The attacker contributes to the next version only: attacks touch rows that the approved version does not hold.
Rates are shares of the whole next version. Which rows are poisoned stands in ``truth/``, outside the datasets,
and the rows are shuffled, so that neither order nor an extra file tells.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from sample_files import Location, new_rows, read, write_jsonl, write_parquet, write_truth

from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.redteam.attack import Poisoned
from poisonguard.redteam.catalogue import attack_named

HERE = Path(__file__).resolve().parent
Write = Callable[[pa.Table, Path], list[Location]]


@dataclass(frozen=True, slots=True)
class SampleSet:
    """One dataset of the samples: how it is written, what its columns are, which attacks it shows at which rate."""

    name: str
    write: Write
    roles: dict[str, Role]
    attacks: dict[str, float]


SETS = (
    SampleSet(
        "flights",
        write_parquet,
        {"source": Role.SOURCE, "scheduled": Role.TIMESTAMP, "label": Role.LABEL},
        {"source-flips": 0.02, "random-flips": 0.05, "value-backdoor": 0.02},
    ),
    SampleSet(
        "reviews",
        write_jsonl,
        {"product_id": Role.ID, "text": Role.TEXT, "label": Role.LABEL},
        {"rare-token": 0.025, "zero-width": 0.025, "near-copies": 0.04},
    ),
)


def roles_of(sample: SampleSet, table: pa.Table) -> Roles:
    """The roles of the sample's columns; every other column is a feature."""
    names = table.schema.names
    return Roles(tuple(Assignment(name, sample.roles.get(name, Role.FEATURE), "sample data") for name in names))


def poison(sample: SampleSet, attack: str, rate: float) -> Poisoned:
    """The clean next version with ``attack`` among its new rows, shuffled."""
    clean, approved = (read(HERE / sample.name / version) for version in ("next_clean", "approved"))
    fresh = new_rows(clean, approved)
    rng = np.random.default_rng(zlib.crc32(f"{sample.name}/{attack}".encode()))
    new = clean.filter(pa.array(fresh))
    share = rate * clean.num_rows / new.num_rows
    poisoned = attack_named(attack).apply(new, roles_of(sample, clean), share, rng)
    old = clean.filter(pa.array(~fresh))
    everything = pa.concat_tables([old, poisoned.table])
    order = rng.permutation(everything.num_rows)
    rows = np.flatnonzero(np.isin(order, poisoned.rows + old.num_rows))
    return Poisoned(everything.take(pa.array(order)), rows, poisoned.what)


def make(folder: Path) -> Iterable[str]:
    """Write every poisoned version and its truth below ``folder``; one line about each."""
    for sample in SETS:
        for attack, rate in sample.attacks.items():
            poisoned = poison(sample, attack, rate)
            version = f"{sample.name}/next_poisoned_{attack.replace('-', '_')}"
            locations = sample.write(poisoned.table, folder / version)
            write_truth(folder / "truth" / f"{sample.name}-{attack}.csv", [locations[row] for row in poisoned.rows])
            yield f"{version}: {len(poisoned.rows)} of {poisoned.table.num_rows} rows, {poisoned.what}"


if __name__ == "__main__":
    for line in make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE):
        print(line)
