"""What somebody with write access to the data tries after the approval: each is one named attack on the command line.

Every one ends with exit code 6, and one line that names the file; nothing raw from the data is printed.
"""

import json
import os

import pytest
from data_attacks import ATTACKS
from evidence_fixtures import Captured, codes, gate, is_clean
from evidence_project import Project


@pytest.mark.parametrize("name", ATTACKS)
def test_the_gate_names_what_is_wrong_with_the_data(approved: Project, capsys: Captured, name: str) -> None:
    assert gate("reviews") == 0
    named = ATTACKS[name](approved.data)
    capsys.readouterr()
    assert gate("reviews", "--version", "reviews@1") == 6
    table = capsys.readouterr()
    assert "Traceback" not in table.err
    assert sum(named in line for line in table.out.splitlines()) == 1
    assert is_clean(table.out + table.err)
    assert not any(line.lstrip().startswith("::") for line in table.out.splitlines())
    assert gate("reviews", "-f", "json") in {5, 6}
    document = capsys.readouterr()
    assert is_clean(document.out + document.err)
    assert document.out.isascii()
    assert json.loads(document.out)["verdict"] == "FAILED"


@pytest.mark.parametrize("pattern", ["reviews/*", "reviews/**", "rev*", "./reviews/", "{}/*", "file://{}"])
@pytest.mark.parametrize(
    "name",
    [
        "a_hidden_file_added",
        "a_git_folder_added",
        "a_file_in_a_folder_named_as_our_workspace",
        "a_file_named_as_our_workspace",
        "one_byte_changed_with_size_and_times_as_they_were",
    ],
)
def test_no_way_to_name_the_data_overlooks_a_file(approved: Project, name: str, pattern: str) -> None:
    place = pattern.format(approved.data)
    if "rev*" not in pattern:
        assert gate(place, "--name", "reviews") == 0
    ATTACKS[name](approved.data)
    assert gate(place, "--name", "reviews") == 6


def test_a_hard_link_to_the_same_bytes_is_the_same_file(approved: Project) -> None:
    """A second name of the very bytes that were approved changes nothing; a write through it is seen."""
    path = approved.data / "a.csv"
    os.link(path, approved.folder / "outside")
    assert gate("reviews") == 0
    (approved.folder / "outside").write_text("id,label\n1,neg\n2,pos\n")
    assert gate("reviews") == 6


def test_metadata_that_no_reader_reads_is_not_the_data(approved: Project) -> None:
    """Times, modes and empty folders are not signed: what is trained on is names and bytes."""
    os.utime(approved.data / "a.csv", (1, 1))
    (approved.data / "a.csv").chmod(0o755)
    (approved.data / "empty").mkdir()
    assert gate("reviews") == 0


def test_files_of_equal_size_that_change_their_names_differ(project: Project, capsys: Captured) -> None:
    """OMS's root digest ignores names: relabelled partitions verify there."""
    project.write("b.csv", "id,label\n2,neg\n1,pos\n")
    project.publish()
    project.approve("ann")
    assert gate("reviews") == 0
    one, two = ((project.data / name).read_text() for name in ("a.csv", "b.csv"))
    project.write("a.csv", two)
    project.write("b.csv", one)
    assert codes(capsys) == ["bytes-differ", "bytes-differ"]


def test_partitions_that_are_relabelled_differ(project: Project, capsys: Captured) -> None:
    """The same bytes under ``label=spam`` and ``label=ham``: a digest over contents alone calls it the same."""
    for label, row in (("ham", "1,x"), ("spam", "2,y")):
        (project.data / f"label={label}").mkdir()
        project.write(f"label={label}/part.csv", f"id,text\n{row}\n")
    project.publish()
    project.approve("ann")
    assert gate("reviews") == 0
    (project.data / "label=ham").rename(project.folder / "aside")
    (project.data / "label=spam").rename(project.data / "label=ham")
    (project.folder / "aside").rename(project.data / "label=spam")
    assert codes(capsys) == ["bytes-differ", "bytes-differ"]


def test_a_folder_replaced_by_a_link_to_the_same_files_is_refused(project: Project, capsys: Captured) -> None:
    """model_signing left files behind a linked folder unsigned; here the link itself is the finding."""
    (project.data / "part").mkdir()
    project.write("part/c.csv", "id,label\n7,pos\n")
    project.publish()
    project.approve("ann")
    assert gate("reviews") == 0
    (project.data / "part").rename(project.folder / "elsewhere")
    (project.data / "part").symlink_to(project.folder / "elsewhere")
    capsys.readouterr()
    assert gate("reviews", "--version", "reviews@1") == 6
    assert "part: a symbolic link" in capsys.readouterr().out
