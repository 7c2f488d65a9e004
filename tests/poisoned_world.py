"""Scans that found poison, and the people who approve all the same."""

from typing import Any

from poisonguard.attest.scan_v1 import FindingRecord
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Ran
from poisonguard.domain.result import Assessment

FINDING = FindingRecord("f" * 16, "PG-LABEL-002", Level.ERROR, Signal.POISONING, "source=7", 40)


POISONED: dict[str, Any] = {
    "findings": (FINDING,),
    "outcomes": (Ran("PG-LABEL-002", Coverage(9, 9), ()),),
    "assessment": Assessment.SUSPICIOUS,
    "decision": Decision(Verdict.FAILED, (Reason("findings", "1 finding", 1),)),
}
