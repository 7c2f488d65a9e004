"""Files that are more than data are findings that the policy acts on; each can be waived by itself."""

import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.detectors.unsafe_files import LEVELS, MOST_ALONE
from poisonguard.domain.filefact import FactBook, FileFact, FileFacts, FileKind
from poisonguard.domain.finding import Finding, Level, Signal

ROWS = pa.table({"text": ["a", "b"]})


def findings(*facts: FileFact) -> tuple[Finding, ...]:
    book = FactBook()
    for fact in facts:
        book.add([fact])
    return run_check("PG-FILE-001", ROWS, files=book.facts()).findings


def test_a_dataset_of_data_is_quiet() -> None:
    assert run_check("PG-FILE-001", ROWS, files=FileFacts(3)).findings == ()


@pytest.mark.parametrize("kind", FileKind)
def test_every_kind_has_a_level_and_is_a_matter_of_integrity(kind: FileKind) -> None:
    (finding,) = findings(FileFact("a.bin", kind, "imports os.system"))
    assert (finding.level, finding.signal, finding.path) == (LEVELS[kind], Signal.INTEGRITY, "a.bin")
    assert "a.bin (imports os.system)" in finding.message


def test_code_is_an_error_and_data_a_warning() -> None:
    code, data = findings(FileFact("a", FileKind.CODE_PICKLE, "x"), FileFact("b", FileKind.DATA_PICKLE, "y"))
    assert (code.level, data.level) == (Level.ERROR, Level.WARNING)


def test_each_file_is_a_finding_of_its_own_with_all_its_places() -> None:
    facts = [FileFact("a.zip", FileKind.ESCAPE, f"../{number} leaves its folder") for number in range(4)]
    first, other = findings(*facts, FileFact("b.zip", FileKind.ESCAPE, "/x leaves its folder"))
    assert first.numbers["places"] == 4
    assert "3 other places" in first.message
    assert first.fingerprint != other.fingerprint


def test_a_waiver_does_not_outlive_what_was_seen() -> None:
    (old,) = findings(FileFact("a.pkl", FileKind.CODE_PICKLE, "imports model.Tree"))
    (same,) = findings(FileFact("a.pkl", FileKind.CODE_PICKLE, "imports model.Tree"))
    (new,) = findings(FileFact("a.pkl", FileKind.CODE_PICKLE, "imports os.system"))
    assert old.fingerprint == same.fingerprint != new.fingerprint


def test_very_many_are_one_finding() -> None:
    (finding,) = findings(*(FileFact(f"{n:03}.py", FileKind.SCRIPT, "a script") for n in range(MOST_ALONE + 1)))
    assert finding.numbers["places"] == MOST_ALONE + 1
    assert "000.py" in finding.message


def test_a_long_detail_is_cut() -> None:
    (finding,) = findings(FileFact("a", FileKind.CODE_PICKLE, "x" * 5000))
    assert len(finding.message) < 1000
