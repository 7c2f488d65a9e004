"""What a quarantine says of itself: ``quarantine.json``, from which the data can be put together again."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from poisonguard.errors import IntegrityError, NothingToScan

FILE_NAME = "quarantine.json"
SCHEMA = "poisonguard-quarantine/v1"


class _Written(BaseModel):
    """Something that is written down; unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Version(_Written):
    """One state of the data.

    Attributes:
        version: Name of its manifest, ``pg1:<sha256>``.
        rows: Rows in all files.
        rows_digest: Order-independent digest of its rows.
        files: How many files there are.
        size: Bytes in all files.
    """

    version: str
    rows: int
    rows_digest: str
    files: int
    size: int


class Reason(_Written):
    """A finding whose rows were taken out; ``rows`` of them."""

    fingerprint: str
    check: str
    level: str
    signal: str
    message: str
    rows: int
    unnamed_rows: int


class CutFile(_Written):
    """A file of which rows were taken out.

    Attributes:
        path: Relative to the dataset's root.
        format: As in the manifest.
        rows: Rows that it had.
        removed: Numbers of those that were taken out, ascending.
        digest: SHA-256 of the text it was, unpacked; or of its rows' digests in order.
        delimiter: What separates the cells of CSV.
        groups: Rows of each row group or record batch, where there are some.
    """

    path: str
    format: str
    rows: int
    removed: tuple[int, ...]
    digest: str
    delimiter: str = ","
    groups: tuple[int, ...] = ()


class Record(_Written):
    """The whole file."""

    schema_name: str = SCHEMA
    tool_version: str
    dataset: str
    source: Version
    clean: Version
    removed_rows: int
    hash_profile: str
    reference: str | None
    pack: str
    pack_digest: str
    policy_digest: str
    findings: tuple[Reason, ...]
    files: tuple[CutFile, ...]

    def text(self) -> str:
        """The record as JSON."""
        return self.model_dump_json(indent=2) + "\n"


def read_record(folder: Path) -> Record:
    """The record of the quarantine in ``folder``.

    Raises:
        NothingToScan: There is none.
        IntegrityError: It is not what was written.
    """
    path = folder / FILE_NAME
    try:
        record = Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise NothingToScan(f"{folder}: no {FILE_NAME}", hint="Name the folder that 'quarantine -o' made.") from None
    except OSError as error:
        raise NothingToScan(f"{path}: {error.strerror}", hint="Check the path.") from error
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise IntegrityError(f"{path}: {place}: {error.errors()[0]['msg']}", hint="Make it anew.") from error
    if record.schema_name != SCHEMA:
        raise IntegrityError(f"{path}: {record.schema_name!r} is not {SCHEMA!r}", hint="Use the version that made it.")
    return record
