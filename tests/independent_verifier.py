"""A second opinion on bundles and logs, in 200 lines that share nothing with poisonguard (stdlib and ``cryptography``).

Is this the very content that entitled people published, scanned and approved? Whatever cannot be proved is refused. It
reads whole files into memory, compares them by their SHA-256, and knows no policies, waivers, chunk trees or ML-DSA.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TRUST, IN_TOTO = "application/vnd.poisonguard.trust-root+json", "application/vnd.in-toto+json"
MANIFEST, SCAN, APPROVAL = ("dataset-manifest/v1", "scan-result/v1", "approval/v1")
DIGESTS = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}
Said = list[tuple[str, Any, set[str]]]  # digest, statement, who signed it


def require(holds: object, why: str) -> None:
    if not holds:
        raise ValueError(why)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def spell(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()  # RFC 8785, no floats


def read(data: bytes) -> Any:
    """Canonical JSON; one spelling for each value, so nothing can hide in it."""
    value = json.loads(data)
    require(spell(value) == data, "not canonical JSON")
    return value


def unbase64(text: str) -> bytes:
    require(base64.b64encode(base64.b64decode(text)).decode() == text, "base64 in an unusual spelling")
    return base64.b64decode(text)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) < 2:  # RFC 6962, section 2.1, word for word
        return leaves[0] if leaves else sha256()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01", merkle_root(leaves[:split]), merkle_root(leaves[split:]))


def root_of_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to, by descending as RFC 6962 defines it."""
    require(0 <= index < size and bool(path) == (size > 1), "no such leaf, or a proof of the wrong length")
    if size == 1:
        return leaf
    split = 1 << (size - 1).bit_length() - 1
    if index < split:
        return sha256(b"\x01", root_of_path(leaf, index, split, path[:-1]), path[-1])
    return sha256(b"\x01", path[-1], root_of_path(leaf, index - split, size - split, path[:-1]))


def verify(pem: str, signature: bytes, message: bytes) -> bool:
    key: Any = serialization.load_pem_public_key(pem.encode())
    how = [ec.ECDSA(DIGESTS[key.curve.name])] if isinstance(key, ec.EllipticCurvePublicKey) else []
    return key.verify(signature, message, *how) is None


def signers(envelope: Any, kind: str, people: Iterable[Any]) -> tuple[Any, set[str]]:
    """A DSSE envelope's payload, and the people who signed it."""
    require(set(envelope) == {"payload", "payloadType", "signatures"} and envelope["payloadType"] == kind, "not DSSE")
    payload = unbase64(envelope["payload"])
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    own = [(person["name"], pem) for person in people for pem in person["keys"]]
    keys = {sha256(base64.b64decode("".join(pem.split("\n")[1:-2]))).hex(): (name, pem) for name, pem in own}
    known = [item for item in envelope["signatures"] if item["keyid"] in keys]
    for item in known:
        verify(keys[item["keyid"]][1], unbase64(item["sig"]), message)
    return read(payload), {keys[item["keyid"]][0] for item in known}


def entitled(root: Any, role: str, names: set[str], dataset: str = "") -> set[str]:
    """Those of ``names`` who play a role; nobody, when they are too few."""
    grant = next(item for item in root["roles"] if item["role"] == role)
    reaches = not dataset or any(fnmatchcase(dataset, pattern) for pattern in grant["datasets"])
    found = names & set(grant["people"]) if reaches else set()
    return found if len(found) >= grant["threshold"] else set()


def trusted_root(chain: Sequence[bytes], pin: str) -> Any:
    """The newest trust root that follows from the pinned one."""
    pins = [sha256(data).hex() for data in chain]
    require(pin in pins, "the pinned trust root is not there")
    root: Any = None
    for envelope in map(read, chain[pins.index(pin) :]):
        claimed = read(unbase64(envelope["payload"]))
        for judge in [claimed] if root is None else [root, claimed]:
            _, names = signers(envelope, TRUST, judge["people"])
            require(entitled(judge, "root", names), "a trust root that its people did not sign")
        require(root is None or claimed["version"] == root["version"] + 1, "a trust root is missing")
        root = claimed
    return root


def checkpoint(note: str, root: Any) -> tuple[str, int, bytes]:
    """Origin, size and root of a signed note that a log key signed (C2SP signed-note, tlog-checkpoint)."""
    text, gap, lines = note.rpartition("\n\n")
    origin, size, digest = text.split("\n")
    require(gap and lines.endswith("\n") and str(int(size)) == size, "not a checkpoint")
    (names,) = (item["people"] for item in root["roles"] if item["role"] == "log")
    pems = [pem for person in root["people"] if person["name"] in names for pem in person["keys"]]
    good = 0
    for dash, name, encoded in (line.split(" ") for line in lines.removesuffix("\n").split("\n")):
        blob = unbase64(encoded)
        for pem in pems if (dash, name) == ("\u2014", origin) else ():
            raw = base64.b64decode(pem.split("\n")[1])[-32:]
            if blob[:4] == sha256(origin.encode(), b"\n\x01", raw)[:4]:
                good += verify(pem, blob[4:], f"{text}\n".encode())
    require(good, "no log key signed the checkpoint")
    return origin, int(size), unbase64(digest)


def verify_bundle(data: bytes, pin: str, time: str, folder: Path) -> str:
    """The ``NAME@N`` that the files in ``folder`` are, as the bundle proves."""
    head, tail = read(data.partition(b"\n")[0]), data.partition(b"\n")[2]
    require(set(head) == {"mediaType", "trustRoots", "checkpoint", "statements", "shards"}, "unknown members")
    require(head["mediaType"] == "application/vnd.poisonguard.bundle.v1+json", "not a bundle")
    root = trusted_root([spell(item) for item in head["trustRoots"]], pin)
    require(time < root["expires"], "the trust root has expired")
    _, size, log_root = checkpoint(head["checkpoint"], root)
    said: Said = []
    require((places := [item["index"] for item in head["statements"]]) == sorted(set(places)), "out of order")
    for item in head["statements"]:
        leaf, path = sha256(b"\x00", spell(item["envelope"])), [unbase64(node) for node in item["proof"]]
        require(root_of_path(leaf, item["index"], size, path) == log_root, "a statement that is not in the log")
        statement, names = signers(item["envelope"], IN_TOTO, root["people"])
        statement["kind"] = statement["predicateType"].removeprefix("https://poisonguard.dev/")
        said.append((sha256(unbase64(item["envelope"]["payload"])).hex(), statement, names))
    title, content = judge(said, root, time)
    require(same_files(head["shards"], tail, content, folder), "the files are not those that were approved")
    return title


def judge(said: Said, root: Any, time: str) -> tuple[str, Any]:
    """The title and content of the version, if it was published, scanned and approved by those who may."""
    ((manifest, published, publishers),) = (item for item in said if item[1]["kind"] == MANIFEST)
    fact = published["predicate"]
    dataset, version = fact["dataset"], sha256(spell(fact["content"])).hex()
    require(published["subject"][0]["digest"]["sha256"] == version, "a manifest that names another version")
    require(entitled(root, "publisher", publishers, dataset), "nobody who may published it")
    scans = [item for item in said if item[1]["kind"] == SCAN and entitled(root, "scanner", item[2], dataset)]
    passed = {digest for digest, item, _ in scans if item["subject"] == published["subject"]}
    authors = publishers.union(*(names for *_, names in scans))
    stewards = {name for item in root["roles"] if item["role"] == "steward" for name in item["people"]} - authors
    approved: set[str] = set()
    for _, item, names in said:
        claim, kind = item["predicate"], item["kind"]
        if kind == APPROVAL and (claim["manifestStatement"], claim["dataset"]) == (manifest, dataset):
            good = passed & set(claim["scanStatements"]) and claim["notBefore"] <= time < claim["expires"]
            approved |= names & stewards if good else set()
        withdrawn = ("rejection" in kind and names & stewards) or ("revocations" in kind and version in str(claim))
        require(not withdrawn, "it was rejected or revoked")
    require(entitled(root, "steward", approved, dataset), "too few people approved it")
    return f"{dataset}@{fact['number']}", fact["content"]


def same_files(shards: Any, tail: bytes, content: Any, folder: Path) -> bool:
    """Whether the files are those that the manifest's Merkle root binds, no more and no less."""
    lines: list[bytes] = []
    for shard in shards:
        require(len(tail) >= shard["lines"] + shard["leaves"] and len(shard) == 3, "a listing that is cut off")
        own, tail = tail[: shard["lines"]], tail[shard["lines"] + shard["leaves"] :]
        part = own.removesuffix(b"\n").split(b"\n")
        root = merkle_root([sha256(b"\x00", line) for line in part])
        require(own.endswith(b"\n") and root.hex() == shard["root"], "an altered listing")
        lines += part
    root = merkle_root([sha256(b"\x00", line) for line in lines])
    require((tail, len(lines), root.hex()) == (b"", content["files"], content["filesRoot"]), "another listing")
    require(not any(path.is_symlink() for path in folder.rglob("*")), "a symbolic link")
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()}
    found = {name: [len(data), sha256(data).hex()] for name, data in files.items()}
    return found == {entry[0]: entry[1:3] for entry in map(read, lines)}


def verify_log(statements: Sequence[bytes], notes: Iterable[str], pin: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a log that was dumped; ``notes`` are its checkpoints of now and of before."""
    roots = [data for data in statements if read(data)["payloadType"] == TRUST]
    require(statements[:1] == roots[:1], "the log does not start with a trust root")
    root, leaves = trusted_root(roots, pin), [sha256(b"\x00", data) for data in statements]
    for data in set(statements) - set(roots):
        require(signers(read(data), IN_TOTO, root["people"])[1], "a statement that nobody signed")
    signed = [checkpoint(note, root) for note in notes]
    for _, size, digest in signed:
        require(size <= len(leaves) and merkle_root(leaves[:size]) == digest, "the log was cut or rewritten")
    require(max(size for _, size, _ in signed) == len(leaves), "the end of the log is not signed")
    return signed[-1][0], len(leaves), merkle_root(leaves)
