"""What the workspace's registry says of versions: by name, by digest, and which were approved.

Version references: ``NAME@N``, ``NAME`` (its latest), ``pg1:<hex or unique prefix>``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from poisonguard.attest.trust import TrustRoot
from poisonguard.domain.dataset import Release
from poisonguard.errors import UnknownVersion, UsageError
from poisonguard.policy.judgement import Rules
from poisonguard.policy.model import Policy
from poisonguard.store.registry import Reader
from poisonguard.workflow.gate import TRAINING
from poisonguard.workflow.policies import policy_in_force
from poisonguard.workflow.revocation_lists import trusted_list
from poisonguard.workflow.standing import Standing, State, standing
from poisonguard.workflow.workspace import Workspace

LARGEST_NUMBER = 2**53 - 1
"""What a manifest can say (RFC 7493)."""
MAX_DIGITS = len(str(LARGEST_NUMBER))


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """A published version as the registry lists it; its signatures are not checked yet.

    Attributes:
        dataset: Name of the dataset.
        number: Version number.
        version: Name of the manifest, ``pg1:...``.
    """

    dataset: str
    number: int
    version: str

    @property
    def title(self) -> str:
        """``NAME@N``."""
        return f"{self.dataset}@{self.number}"


def resolve_version(reader: Reader, text: str) -> NamedVersion:
    """The version that ``NAME@N``, ``NAME`` (its latest) or ``pg1:<hex or unique prefix>`` names.

    Raises:
        UnknownVersion: There is none.
        UsageError: A prefix fits several versions.
    """
    name, at, number = text.rpartition("@")
    if at and number.isascii() and number.isdigit():
        digits = number.lstrip("0") or "0"
        if len(digits) > MAX_DIGITS or int(digits) > LARGEST_NUMBER:  # no manifest says it, no database takes it
            raise UnknownVersion(f"{text} is not in the registry", hint="Run 'poisonguard versions'.")
        return _named(reader, name, int(digits))
    if text.startswith("pg1:"):
        return _by_digest(reader, text)
    return _named(reader, text, reader.latest_number(text))


def _named(reader: Reader, dataset: str, number: int) -> NamedVersion:
    stored = reader.manifest(dataset, number)
    return NamedVersion(dataset, number, stored.version)


def _by_digest(reader: Reader, text: str) -> NamedVersion:
    found = reader.manifests_named(text)
    titles = [f"{item.dataset}@{item.number}" for item in found]
    if not found:
        raise UnknownVersion(f"{text} is not in the registry", hint="Run 'poisonguard versions'.")
    if len(found) > 1:
        raise UsageError(f"{text} fits several versions", hint=f"Name one: {', '.join(titles[:5])}.")
    return NamedVersion(found[0].dataset, found[0].number or 0, found[0].version)


@dataclass(frozen=True, slots=True)
class Profiled:
    """A version whose profile is kept here, so that a candidate can be compared with it.

    Attributes:
        title: ``NAME@N``.
        number: Version number.
        version: Name of the manifest, ``pg1:...``.
        profile: The profile.
    """

    title: str
    number: int
    version: str
    profile: bytes


def standing_of(reader: Reader, named: NamedVersion, rules: Rules) -> Standing | None:
    """Where a version stands; nothing when its manifest is not trusted."""
    statements = reader.statements(dataset=named.dataset, version=named.version)
    return standing(statements, named.number, rules)


def standings(reader: Reader, dataset: str, rules: Rules) -> Iterator[tuple[NamedVersion, Standing | None]]:
    """Every version of ``dataset`` and where it stands, newest first."""
    for number in range(reader.latest_number(dataset), 0, -1):
        stored = reader.find_manifest(dataset, number)
        if stored is not None:  # numbers have gaps where a bundle brought only some versions
            named = NamedVersion(dataset, number, stored.version)
            yield named, standing_of(reader, named, rules)


def approved_release(reader: Reader, dataset: str, rules: Rules) -> Release | None:
    """The newest approved version of ``dataset``."""
    for _, found in standings(reader, dataset, rules):
        if found is not None and found.settled is State.APPROVED:
            return found.manifest.document.release
    return None


def approved_before(reader: Reader, dataset: str, number: int, rules: Rules) -> Standing | None:
    """The newest approved version of ``dataset`` with a lower number than ``number``."""
    older = (found for named, found in standings(reader, dataset, rules) if named.number < number)
    return next((found for found in older if found is not None and found.settled is State.APPROVED), None)


def last_approved(
    workspace: Workspace, dataset: str, *, policy: Policy | None = None, now: datetime | None = None
) -> Profiled | None:
    """The newest approved version of ``dataset`` whose profile is kept here, to compare a candidate with.

    Raises:
        IntegrityError: Registry or trust root are not what was written.
        GateFailed: The trust root has expired.
    """
    with workspace.registry.read() as reader:
        rules = rules_in_force(workspace, reader, policy, now or datetime.now(UTC))
        for _, found in standings(reader, dataset, rules):
            if found is not None and found.settled is State.APPROVED:
                profiled = _profiled(reader, found)
                if profiled is not None:
                    return profiled
    return None


def scanned_profile(
    workspace: Workspace, text: str, *, policy: Policy | None = None, now: datetime | None = None
) -> Profiled:
    """The version that ``text`` names, approved or not, with the profile of its newest scan.

    Raises:
        UnknownVersion: There is none, it is not trusted, or no profile of it is kept here.
    """
    with workspace.registry.read() as reader:
        rules = rules_in_force(workspace, reader, policy, now or datetime.now(UTC))
        named = resolve_version(reader, text)
        found = standing_of(reader, named, rules)
        profiled = _profiled(reader, found) if found is not None else None
    if profiled is None:
        raise UnknownVersion(
            f"{named.title} cannot be compared with: no profile of it is kept here",
            hint="Scan it with 'poisonguard scan --sign KEY', or give the path of its data.",
        )
    return profiled


def rules_in_force(workspace: Workspace, reader: Reader, policy: Policy | None, now: datetime) -> Rules:
    """Trust root, policy, time (to the second, as statements say it) and revocations, for judging versions."""
    root: TrustRoot = workspace.trusted(reader, now).root
    held, origin = trusted_list(reader, root, workspace.origin), workspace.origin
    return Rules(root, policy or policy_in_force(), now.replace(microsecond=0), TRAINING, held, origin)


def _profiled(reader: Reader, found: Standing) -> Profiled | None:
    release, digest = found.manifest.document.release, kept_profile(reader, found)
    return None if digest is None else Profiled(found.title, release.number, release.version, reader.blob(digest))


def kept_profile(reader: Reader, found: Standing) -> str | None:
    """Digest of the newest trusted scan's profile that is kept here, if one is."""
    scans = sorted((*found.older, *found.scans), key=lambda item: item.document.scanned, reverse=True)
    digests = (scan.document.profile_digest for scan in scans)
    return next((digest for digest in digests if digest is not None and reader.has_blob(digest)), None)


__all__ = [
    "NamedVersion",
    "Profiled",
    "Workspace",
    "approved_before",
    "approved_release",
    "kept_profile",
    "last_approved",
    "policy_in_force",
    "resolve_version",
    "rules_in_force",
    "scanned_profile",
    "standing_of",
    "standings",
]
