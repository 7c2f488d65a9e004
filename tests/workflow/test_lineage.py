"""Trust roots of ours that follow from those of an older bundle."""

import pytest
from simulator import key, trust_root

from poisonguard.attest import trust
from poisonguard.workflow.folder import lineage

CHAIN = tuple(trust_root(version=version).sign([key("olga")]).to_bytes() for version in range(1, 5))


@pytest.mark.parametrize("held", [1, 2, 3])
def test_ours_go_on_from_the_bundles(held: int) -> None:
    assert lineage(CHAIN[:held], CHAIN[held:]) == CHAIN


def test_ours_that_the_bundle_holds_are_not_added() -> None:
    assert lineage(CHAIN, CHAIN[1:2]) == CHAIN


def test_a_gap_leaves_the_chain_as_it_is() -> None:
    assert lineage(CHAIN[:1], CHAIN[2:3]) == CHAIN[:1]


def test_ours_may_be_malformed_or_none() -> None:
    assert lineage(CHAIN[:1], [b"{}"]) == CHAIN[:1]
    assert lineage(CHAIN[:1], []) == CHAIN[:1]


def test_a_chain_that_ours_cannot_follow_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(*_arguments: object) -> None:
        pytest.fail("a signature was verified")

    monkeypatch.setattr(trust.TrustedRoot, "start", verify)
    assert lineage(CHAIN[:1] * 100, CHAIN[3:]) == CHAIN[:1] * 100
