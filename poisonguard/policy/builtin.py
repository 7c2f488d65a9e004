"""The policy that holds when nobody gives one; documented in docs/reference/policy.md."""

from __future__ import annotations

from datetime import timedelta

from poisonguard.domain.finding import Level
from poisonguard.domain.result import Assessment
from poisonguard.policy.model import Policy, WaiverRule


def default_policy() -> Policy:
    """The built-in policy.

    Errors and signs of poisoning stop a version, other warnings do not; a check that broke stops it, one that states
    why it does not apply does not; stated samples will do. One steward approves, two when anything looks like
    poisoning or when a finding is waived. Scans hold 30 days, approvals 90.
    """
    return Policy(
        name="default",
        packs=("baseline",),
        required=(),
        fail_on=Level.ERROR,
        fail_on_poisoning=Level.WARNING,
        minimum_coverage=0,
        approvers={Assessment.CLEAN: 1, Assessment.DRIFTED: 1, Assessment.SUSPICIOUS: 2},
        scan_max_age=timedelta(days=30),
        approval_max_age=timedelta(days=90),
        waivers=WaiverRule(checks=("*",), approvers=2, max_age=timedelta(days=30)),
    )


def builtin_policy_text() -> str:
    """The built-in policy as a policy file that explains every line; it has the built-in policy's digest."""
    return _TEXT


_TEXT = """\
# Policy of poisonguard: what must be true before data may be trained on.
# Every scan and every approval binds the digest of this policy: after a change, scan and approve again.

name: default

# Packs that every scan must have run.
packs: [baseline]

# Checks that must have run on every row, whatever the packs say: a skip or a sample of one of them fails.
# For example: [PG-DUP-001]
required: []

# Findings at this level or above stand in the way: note, warning or error.
fail_on: error

# Signs of poisoning stand in the way from this level on; drift and quality findings do not count here.
fail_on_poisoning: warning

# Percent of rows that each check which ran must have seen. At 0 a sample of any size will do; it is always stated.
minimum_coverage: 0

# How many people must approve, by what the scan says of the version. Who published or scanned it never counts.
approvers:
  clean: 1
  drifted: 1
  suspicious: 2

# How old a scan may be at the gate, and how long an approval may hold: s, m, h, d or w.
scan_max_age: 30d
approval_max_age: 90d

# Findings that approvers may waive: shell patterns of card ids; how many approvers must waive the same finding;
# and how long a waiver may hold. With checks: [] nothing can be waived.
waivers:
  checks: ["*"]
  approvers: 2
  max_age: 30d
"""
