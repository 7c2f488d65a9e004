"""OMS statements: what we write, every rule of reading, and the two digests."""

import copy
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oms_world import ORIGIN, encoded, sha256, statement, write_tree

from poisonguard.attest import oms
from poisonguard.attest.oms import (
    HASH_PROFILE,
    VERSION,
    Hash,
    Method,
    OmsStatement,
    Origin,
    Piece,
    dir_hash,
    parse_payload,
    payload_of,
    root_digest,
)
from poisonguard.errors import IntegrityError, NothingToScan

FILES = {"b.csv": b"x\n1\n", "a/c": b"", "a.txt": b"hello"}
GOOD = statement(FILES)
DIGEST = "0" * 64

names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="/"), min_size=1).filter(
    lambda name: name not in {".", ".."}
)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
digests = st.binary(max_size=8).map(sha256)


def changed(path: str, value: object = None, *, remove: bool = False) -> bytes:
    document = copy.deepcopy(GOOD)
    *parents, last = path.split("/")
    place: Any = document
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if remove:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return encoded(document)


def of(resources: list[dict[str, Any]], **serialization: object) -> bytes:
    """A statement with these resources and their true root digest."""
    said = statement({}, **serialization)
    said["predicate"]["resources"] = resources
    said["subject"][0]["digest"]["sha256"] = root_digest(item["digest"] for item in resources)
    return encoded(said)


def resource(name: str, digest: str = DIGEST, algorithm: str = "sha256") -> dict[str, Any]:
    return {"name": name, "digest": digest, "algorithm": algorithm}


def shards(*resources: str, size: int = 10) -> bytes:
    return of([resource(name) for name in resources], method="shards", shard_size=size)


# What we write


@given(files=st.dictionaries(paths, digests, min_size=1, max_size=6), ignored=st.sampled_from([(), (".poisonguard",)]))
def test_what_we_write_reads_back(files: dict[str, str], ignored: tuple[str, ...]) -> None:
    origin = Origin(subject="data", version=ORIGIN.version, hash_profile="p", ignored=ignored)
    said = parse_payload(payload_of(files.items(), origin))
    assert said == OmsStatement(
        subject="data",
        root_digest=root_digest(files[name] for name in sorted(files)),
        version=ORIGIN.version,
        hash_profile="p",
        method=Method.FILES,
        hash_type=Hash.SHA256,
        files={name: (Piece(None, digest),) for name, digest in files.items()},
        ignored=ignored,
    )
    assert list(said.files) == sorted(files)


def test_resources_are_in_code_point_order() -> None:
    names = ["\U00010000", "￿", "a/b", "a.b", "Z", "é"]
    written = json.loads(payload_of([(name, DIGEST) for name in names], ORIGIN))
    listed = [item["name"] for item in written["predicate"]["resources"]]
    assert listed == ["Z", "a.b", "a/b", "é", "￿", "\U00010000"]


def test_an_empty_dataset_is_never_signed() -> None:
    with pytest.raises(NothingToScan, match="no files"):
        payload_of([], ORIGIN)


def test_the_subject_holds_both_digests_and_the_version() -> None:
    files = [(name, sha256(data)) for name, data in FILES.items()]
    written = json.loads(payload_of(files, ORIGIN))
    assert written["subject"] == [
        {
            "name": "data",
            "digest": {"sha256": root_digest(digest for _, digest in sorted(files)), "dirHash1": dir_hash(files)},
            "annotations": {"poisonguardVersion": ORIGIN.version, "poisonguardHashProfile": ORIGIN.hash_profile},
        }
    ]
    assert written["predicate"]["serialization"] == {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [],
    }


def test_dir_hash_is_what_sha256sum_says(tmp_path: Path) -> None:
    """The definition of in-toto's ``dirHash1``, as a command."""
    assert shutil.which("sha256sum")
    write_tree(tmp_path, FILES)
    command = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum | cut -f1 -d' '"
    expected = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert dir_hash((name, sha256(data)) for name, data in FILES.items()) == expected.stdout.strip()


def test_root_digest_of_the_specification() -> None:
    # spec/v1.0.md, appendix A: the test vectors' root digest, over these two.
    listed = [
        "bc9a717db6064a32cbe9eae6fc40651dd6d36ef1757183f590eff2b1765d7ebc",
        "32dcb1f8e1ae52d5963e56a6ba06ab58b424c15ed2a6b70d2feca1d089370028",
    ]
    assert root_digest(listed) == "92745110b1ab4368471cbe31664e10174e954b113a3df333db860317b2c6dec4"


@given(files=st.dictionaries(paths, digests, min_size=2, max_size=5), data=st.data())
def test_relabelled_files_have_another_dir_hash_but_the_same_root_digest(
    files: dict[str, str], data: st.DataObject
) -> None:
    ordered = sorted(files)
    relabelled = dict(zip(ordered, data.draw(st.permutations([files[name] for name in ordered])), strict=True))
    assert (dir_hash(relabelled.items()) == dir_hash(files.items())) == (relabelled == files)
    renamed = {f"{name}x": digest for name, digest in files.items()}
    assert dir_hash(renamed.items()) != dir_hash(files.items())


# Rules of reading


def test_a_statement_of_another_maker_is_read_in_any_order() -> None:
    said = parse_payload(json.dumps(GOOD, indent=3).encode())
    assert list(said.files) == ["b.csv", "a/c", "a.txt"]
    assert said.version is None
    assert said.ignored == (".git", ".gitattributes", ".github", ".gitignore")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        encoded(GOOD).replace(b'"_type"', b'"_type":"x","_type"'),
        changed("_type", "https://in-toto.io/Statement/v0.1"),
        changed("surplus", 1),
        changed("subject", []),
        changed("subject", GOOD["subject"] * 2),
        changed("subject/0/name", ""),
        changed("subject/0/name", remove=True),
        changed("subject/0/digest", {}),
        changed("subject/0/digest", {"sha512": "00"}),
        changed("subject/0/digest/sha256", DIGEST),
        changed("subject/0/digest/md5", "XY"),
        changed("subject/0/digest/md5", 1),
        changed("subject/0/digest/dirHash1", DIGEST),
        changed("subject/0/annotations", []),
        changed("subject/0/annotations", {VERSION: "pg1:short", HASH_PROFILE: "p"}),
        changed("subject/0/annotations", {VERSION: ORIGIN.version}),
        changed("predicateType", "https://model_signing/Digests/v0.1"),
        changed("predicate", remove=True),
        changed("predicate/surplus", 1),
        changed("predicate/resources", []),
        changed("predicate/resources", {}),
        changed("predicate/resources", remove=True),
        changed("predicate/resources/0/name", remove=True),
        changed("predicate/resources/0/name", ""),
        changed("predicate/resources/0/name", "/etc/passwd"),
        changed("predicate/resources/0/name", "../b"),
        changed("predicate/resources/0/name", "a/../b"),
        changed("predicate/resources/0/name", "./b"),
        changed("predicate/resources/0/name", "a//b"),
        changed("predicate/resources/0/name", "a/"),
        changed("predicate/resources/0/name", "a\nb"),
        changed("predicate/resources/0/name", "\ud800"),
        changed("predicate/resources/0/name", "."),
        changed("predicate/resources/0/name", "a/c"),
        changed("predicate/resources/0/digest", DIGEST[:-2]),
        changed("predicate/resources/0/digest", "A" * 64),
        changed("predicate/resources/0/algorithm", "blake3"),
        changed("predicate/resources/0/algorithm", "md5"),
        changed("predicate/serialization/surplus", 1),
        changed("predicate/serialization/method", "rows"),
        changed("predicate/serialization/method", "shards"),
        changed("predicate/serialization/hash_type", "md5"),
        changed("predicate/serialization/shard_size", 10),
        changed("predicate/serialization/allow_symlinks", remove=True),
        changed("predicate/serialization/allow_symlinks", 0),
        changed("predicate/serialization/ignore_paths", "x"),
        *(
            changed("predicate/serialization/ignore_paths", [path])
            for path in ("", ".", "..", "/", "/x", "x/../..", "x//y", "*", "a?", "[a]", "a\nb", 1)
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(payload: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"^OMS statement"):
        parse_payload(payload)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (of([]), "^OMS statement lists no file"),
        (of([resource("a", "A" * 64)]), "lower-case hex"),
        (changed("predicate/resources/0/digest", "0" * 63 + "g"), "lower-case hex"),
        (changed("predicate/resources/0/digest", "0" * 63 + "\n"), "lower-case hex"),
        (changed("subject/0/digest", ["sha256"]), "has no sha256 digest"),
        (changed("subject/0/digest/md5", "00g"), "not lower-case hex"),
        (changed("subject/0/digest/md5", "00\n"), "not lower-case hex"),
        (shards("a:0:1", size=0), "shard_size is not an integer of at least 1"),
    ],
)
def test_refusals_say_which_rule_was_broken(payload: bytes, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        parse_payload(payload)


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oms, "MAX_BUNDLE_BYTES", 10)
    with pytest.raises(IntegrityError, match="larger than 10 bytes"):
        parse_payload(encoded(GOOD))


def test_any_letter_may_be_in_a_path_to_ignore() -> None:
    assert "AXYZ" in parse_payload(changed("predicate/serialization/ignore_paths", ["AXYZ"])).ignored


def test_dir_hash_is_of_whole_files_by_sha256_and_not_looked_at_elsewhere() -> None:
    for payload in (shards("a:0:1"), of([resource("a", algorithm="blake3")], hash_type="blake3")):
        said = json.loads(payload)
        said["subject"][0]["digest"]["dirHash1"] = DIGEST
        assert parse_payload(encoded(said)).files


def test_unknown_members_of_resources_and_subjects_are_allowed() -> None:
    assert parse_payload(changed("predicate/resources/0/media_type", "text/csv")).files
    assert parse_payload(changed("subject/0/uri", "https://example.org")).files
    assert parse_payload(changed("subject/0/annotations", {"theirs": [1, {"x": None}]})).version is None


def test_a_true_dir_hash_is_accepted() -> None:
    digest = dir_hash((name, sha256(data)) for name, data in FILES.items())
    assert parse_payload(changed("subject/0/digest/dirHash1", digest)).files


def test_symbolic_links_may_have_been_allowed() -> None:
    assert parse_payload(changed("predicate/serialization/allow_symlinks", value=True)).files


def test_one_file_may_be_named_by_a_dot() -> None:
    assert list(parse_payload(of([resource(".")])).files) == ["."]


@pytest.mark.parametrize(("algorithm", "digits"), [("blake2b", 128), ("blake3", 64)])
def test_other_hashes_are_known(algorithm: str, digits: int) -> None:
    said = parse_payload(of([resource("a", "0" * digits, algorithm)], hash_type=algorithm))
    assert said.hash_type is Hash(algorithm)
    with pytest.raises(IntegrityError, match="lower-case hex"):
        parse_payload(of([resource("a", "0" * (digits - 2), algorithm)], hash_type=algorithm))


# Shards


def test_shards_of_a_file_are_put_together_in_any_order() -> None:
    said = parse_payload(shards("b:c:10:20", "a:0:10", "b:c:0:10", "b:c:20:25"))
    assert said.files == {
        "b:c": (Piece(10, DIGEST), Piece(20, DIGEST), Piece(25, DIGEST)),
        "a": (Piece(10, DIGEST),),
    }
    assert parse_payload(shards("a:0:1", "a:1:2", size=1)).files == {"a": (Piece(1, DIGEST), Piece(2, DIGEST))}


def test_shards_may_be_named_as_model_signing_does() -> None:
    theirs = {"method": "shards", "shard_size": 10}
    assert parse_payload(of([resource("a:0:4", algorithm="sha256-sharded-10")], **theirs)).files
    for algorithm in ("sha256-sharded-11", "blake3-sharded-10", "blake3"):
        with pytest.raises(IntegrityError, match="another algorithm"):
            parse_payload(of([resource("a:0:4", algorithm=algorithm)], **theirs))
    with pytest.raises(IntegrityError, match="another algorithm"):
        parse_payload(of([resource("a", algorithm="sha256-sharded-0")]))


@pytest.mark.parametrize(
    "resources",
    [
        ["a"],
        ["a:0"],
        ["a:0:x"],
        ["a:-1:5"],
        [":0:5"],
        ["../a:0:5"],
        ["a:0:0"],
        ["a:5:10"],
        ["a:0:11"],
        ["a:0:5", "a:10:15"],
        ["a:0:10", "a:20:25"],
        ["a:0:10", "a:10:10"],
        ["a:0:10", "a:10:9"],
        ["a:0:10", "a:0:10"],
        ["a:0:10", "a:10:20", "a:10:20"],
        ["a:0:00000000000000010000"],
    ],
)
def test_shards_that_do_not_make_a_file_are_refused(resources: list[str]) -> None:
    with pytest.raises(IntegrityError, match=r"^OMS statement"):
        parse_payload(shards(*resources))


# What is left out


def test_what_the_signer_left_out_is_matched_from_the_root() -> None:
    said = parse_payload(changed("predicate/serialization/ignore_paths", ["cache/", "x/y"]))
    assert all(said.leaves_out(path) for path in ("cache", "cache/a/b", "x/y", "x/y/z", ".git/config", ".gitignore"))
    assert not any(said.leaves_out(path) for path in ("sub/cache", "cached", "x", "x/yz", "sub/.git", ".gitmodules"))


def test_what_is_listed_is_never_left_out() -> None:
    said = parse_payload(of([resource(".git/config")], ignore_paths=[".git"]))
    assert not said.leaves_out(".git/config")
    assert said.leaves_out(".git/hooks/run")


def test_nothing_is_left_out_by_default_in_what_we_wrote() -> None:
    said = parse_payload(payload_of([("a", DIGEST)], ORIGIN))
    assert said.ignored == ()
    assert not said.leaves_out(".git/config")


def test_hash_of_the_empty_listing_is_not_special() -> None:
    assert root_digest([]) == hashlib.sha256().hexdigest()
