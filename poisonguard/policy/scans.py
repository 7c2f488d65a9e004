"""Which scans of a version must pass, and what the policy says of them. Pure; gate and registry share it.

Rules:

1. Only trusted scans of this very dataset and version, under this very policy, and not too old, count.
2. Every scan that counts must pass: a good one never hides a bad one.
3. The one exception is an incomplete scan that was done over. A newer scan supersedes an older, incomplete one when
   it asked the same (the same packs with the same cards and parameters, the same reference), looked at no less
   (every check that ran or broke then ran now, on at least as many rows, of at least as many), found no less (every
   finding of then is a finding still, for the same signal and no milder) and said no less (its word is no milder, and
   whatever spoke against the version then, but that the scan was incomplete, speaks against it still). So nothing
   that a scanner ever signed is lost: findings are excused by people, not by scanning until they are gone or mild,
   and a complete scan is never superseded, nor are the approvals that rest on it.
4. Newer is what was scanned at a later time, as signed, wherever it stands in the log; of two scans of the same
   second neither is newer.
5. A superseded scan counts for nothing: an approval that names it is no approval of the newer one.

A reference is compared by name; whoever signs answers for what lay under a path.

Codes of reasons, stable:

====================== ==== =====================================================================
code                   exit meaning
====================== ==== =====================================================================
``scan-missing``       5    no trusted, current scan of this version under this policy
``scan-other-version`` 5    a scan of another version; 0 when there is a good one
``scan-other-policy``  5    a scan under another policy; 0 when there is a good one
``scan-expired``       5    a scan older than the policy allows; 0 when there is a good one
``scan-superseded``    0    an incomplete scan that was done over, for information
``clock-behind``       5    a scan from the future
====================== ==== =====================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ManifestDocument
from poisonguard.attest.scan_v1 import ScanDocument
from poisonguard.attest.times import format_time
from poisonguard.domain.decision import Reason
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Ran
from poisonguard.domain.result import Assessment, assess
from poisonguard.policy.decide import INCOMPLETE, decide_scan
from poisonguard.policy.model import Policy, policy_digest

DENIED = 5

_GRAVITY = (Assessment.CLEAN, Assessment.DRIFTED, Assessment.SUSPICIOUS)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The scans that must pass, the ones that were done over, and why others do not count.

    Attributes:
        current: Scans that must pass, in the order given.
        superseded: Incomplete scans that a current one supersedes.
        reasons: What speaks against the choice, and what informs about it.
    """

    current: tuple[Signed[ScanDocument], ...]
    superseded: tuple[Signed[ScanDocument], ...]
    reasons: tuple[Reason, ...]


def choose(policy: Policy, manifest: ManifestDocument, scans: Sequence[Signed[ScanDocument]], now: datetime) -> Chosen:
    """Sort trusted scans into those that must pass and those that do not count."""
    problems = [(scan, _problem(policy, manifest, scan.document, now)) for scan in scans]
    good = [scan for scan, problem in problems if problem is None]
    current, superseded = _partition(policy, good)
    aside = [problem for _, problem in problems if problem is not None]
    reasons = [replace(problem, exit_code=0) if current else problem for problem in aside]
    reasons += [_note(scan.document) for scan in superseded]
    if not current:
        reasons.append(_missing())
    return Chosen(current, superseded, (*reasons, *_from_future(current, now)))


def supersedes(policy: Policy, newer: ScanDocument, older: ScanDocument) -> bool:
    """Whether ``newer`` is the incomplete scan ``older`` done over, so that nothing is lost with the older one."""
    return (
        newer.scanned > older.scanned
        and _asked(newer) == _asked(older)
        and _saw_no_less(newer, older)
        and _found_no_less(newer, older)
        and _said_no_less(newer, older)
        and _is_incomplete(policy, older)
    )


def gravest(scans: Iterable[Signed[ScanDocument]]) -> Assessment | None:
    """The gravest of what the scans say and of what their findings say; nothing when there is no scan."""
    words = [word for scan in scans for word in (scan.document.assessment, assess(scan.document.findings))]
    return max(words, key=_GRAVITY.index, default=None)


def scan_reasons(policy: Policy, scan: ScanDocument, waived: Collection[str]) -> Iterator[Reason]:
    """What the policy says of the scan now, and what the scanner said that the policy alone cannot see."""
    decision = decide_scan(policy, scan.outcomes, scan.findings, waived, packs=scan.packs)
    yield from decision.reasons
    seen = {reason.code for reason in decision.reasons} | {"findings"}
    yield from (reason for reason in scan.decision.reasons if reason.exit_code and reason.code not in seen)


def _partition(
    policy: Policy, good: Sequence[Signed[ScanDocument]]
) -> tuple[tuple[Signed[ScanDocument], ...], tuple[Signed[ScanDocument], ...]]:
    """Scans that nothing supersedes, and the others; the newest, which supersedes most, is asked first."""
    newest_first = sorted((scan.document for scan in good), key=lambda scan: scan.scanned, reverse=True)
    marked = [(scan, any(supersedes(policy, newer, scan.document) for newer in newest_first)) for scan in good]
    return tuple(scan for scan, over in marked if not over), tuple(scan for scan, over in marked if over)


def _asked(scan: ScanDocument) -> tuple[frozenset[str], str, str | None]:
    return frozenset(scan.packs), scan.pack_digest, scan.reference


def _saw_no_less(after: ScanDocument, before: ScanDocument) -> bool:
    now, then = _coverages(after), _coverages(before)
    broke = {item.check for item in before.outcomes if isinstance(item, Failed)}
    return now.keys() >= then.keys() | broke and all(_covers(now[check], then[check]) for check in then)


def _coverages(scan: ScanDocument) -> dict[str, Coverage]:
    return {item.check: item.coverage for item in scan.outcomes if isinstance(item, Ran)}


def _covers(now: Coverage, then: Coverage) -> bool:
    return now.rows_seen >= then.rows_seen and now.rows_total >= then.rows_total


def _found_no_less(after: ScanDocument, before: ScanDocument) -> bool:
    return _found(after) >= _found(before)


def _found(scan: ScanDocument) -> set[tuple[str, str, Signal, Level]]:
    """The findings, each at its level and at every milder one."""
    return {
        (item.fingerprint, item.check, item.signal, level)
        for item in scan.findings
        for level in Level
        if level.rank <= item.level.rank
    }


def _said_no_less(after: ScanDocument, before: ScanDocument) -> bool:
    milder = _GRAVITY.index(after.assessment) < _GRAVITY.index(before.assessment)
    return not milder and _against(after) >= _against(before)


def _against(scan: ScanDocument) -> set[str]:
    """What spoke against the version, as signed; that the scan was incomplete is what doing it over mends."""
    return {reason.code for reason in scan.decision.reasons if reason.exit_code not in {0, INCOMPLETE}}


def _is_incomplete(policy: Policy, scan: ScanDocument) -> bool:
    return any(reason.exit_code == INCOMPLETE for reason in scan_reasons(policy, scan, ()))


def _problem(policy: Policy, manifest: ManifestDocument, scan: ScanDocument, now: datetime) -> Reason | None:
    digest = policy_digest(policy)
    if (scan.dataset, scan.version) != (manifest.dataset, manifest.version):
        what = f"a scan of {scan.dataset} {scan.version[:16]} does not count"
        return Reason("scan-other-version", what, DENIED, "Scan this version.")
    if scan.policy_digest != digest:
        what = f"a scan under policy {scan.policy_digest[:12]} does not count under {digest[:12]}"
        return Reason("scan-other-policy", what, DENIED, "Scan again under the gate's policy.")
    if now - scan.scanned >= policy.scan_max_age:
        return Reason("scan-expired", f"the scan of {format_time(scan.scanned)} is too old", DENIED, "Scan again.")
    return None


def _note(scan: ScanDocument) -> Reason:
    return Reason("scan-superseded", f"the scan of {format_time(scan.scanned)} ({scan.assessment}) was done over", 0)


def _missing() -> Reason:
    hint = "Scan the version with --sign and a scanner's key, under the gate's policy."
    return Reason("scan-missing", "no trusted, current scan of this version under this policy", DENIED, hint)


def _from_future(scans: Iterable[Signed[ScanDocument]], now: datetime) -> Iterator[Reason]:
    for scan in scans:
        if now < scan.document.scanned:
            when = format_time(scan.document.scanned)
            yield Reason("clock-behind", f"the scan is of {when}, after now", DENIED, "Set the clock.")
