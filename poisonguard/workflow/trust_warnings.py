"""What is allowed in a trust root and will bite later. Each warning is one function: text, or nothing."""

from __future__ import annotations

from poisonguard.attest.trust import RoleName, TrustRoot


def warnings(root: TrustRoot) -> tuple[str, ...]:
    """What will bite later: people who stand in each other's way, single points of failure, nobody to withdraw."""
    return tuple(warning for check in _CHECKS if (warning := check(root)))


def _too_few_stewards(root: TrustRoot) -> str:
    authors = root.in_role(RoleName.PUBLISHER) | root.in_role(RoleName.SCANNER)
    free = root.in_role(RoleName.STEWARD) - authors
    needed = root.threshold(RoleName.STEWARD)
    if len(free) >= needed:
        return ""
    return (
        f"only {len(free)} of {needed} needed stewards neither publish nor scan; "
        "nobody may approve what they published or scanned themselves"
    )


def _duties_not_separated(root: TrustRoot) -> str:
    authors = root.in_role(RoleName.PUBLISHER) | root.in_role(RoleName.SCANNER)
    both = ", ".join(sorted(root.in_role(RoleName.STEWARD) & authors))
    return f"{both}: a steward who publishes or scans a version never counts as its steward" if both else ""


def _nobody_revokes(root: TrustRoot) -> str:
    if root.in_role(RoleName.REVOKER):
        return ""
    return "nobody plays the role revoker; what is withdrawn later cannot be refused by a gate that is offline"


def _one_root_person(root: TrustRoot) -> str:
    if root.threshold(RoleName.ROOT) > 1:
        return ""
    people = len(root.in_role(RoleName.ROOT))
    lost = "; losing it ends the trust root" if len(root.keys_of(RoleName.ROOT)) == 1 else ""
    return f"the role root takes 1 of {people}: whoever steals one root key can rewrite the trust root{lost}"


def _idle(root: TrustRoot) -> str:
    playing = {name for grant in root.roles.values() for name in grant.people}
    idle = ", ".join(person.name for person in root.people if person.name not in playing)
    return f"{idle}: in the trust root without a role" if idle else ""


_CHECKS = (_too_few_stewards, _duties_not_separated, _nobody_revokes, _one_root_person, _idle)
