"""Who signs a receipt: one trainer, with as many keys as they like, none of them revoked."""

from pathlib import Path
from typing import Any

import pytest
from verified_world import TrainingProject

import poisonguard as pg
from poisonguard.attest.envelope import Envelope, parse_envelope
from poisonguard.attest.evidence import Signed, open_signed
from poisonguard.attest.keys import generate
from poisonguard.attest.trust import open_envelope, parse_root, pin_of
from poisonguard.store.registry import Kind
from poisonguard.workflow.bundles import export_file
from poisonguard.workflow.trust_request import TrustRequest


class TwoKeys(TrainingProject):
    """Tess has a second key."""

    def request(self, **options: Any) -> TrustRequest:
        self.keys.setdefault("tess2", generate())
        request = super().request(without=("tess2",), **options)
        request.people["tess"] = (self.keys["tess"].public, self.keys["tess2"].public)  # type: ignore[index]  # as above
        return request


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TwoKeys:
    project = TwoKeys.start(tmp_path / "project", revokers=("rita",))
    assert isinstance(project, TwoKeys)
    project.publish()
    project.approve("ann")
    project.revoke()
    monkeypatch.chdir(project.folder)
    return project


def read(project: TwoKeys, *who: str, **options: Any) -> Envelope:
    keys = [project.key(name) for name in who]
    with pg.training_run("reviews", key=keys if len(keys) > 1 else keys[0], **options) as run:
        run.filesystem.cat_file("a.csv")
    assert run.receipt is not None
    return run.receipt.envelope


def test_one_person_signs_with_several_keys(project: TwoKeys) -> None:
    envelope = read(project, "tess", "tess2", output="receipt.json")
    assert {item.keyid for item in envelope.signatures} == {
        project.keys[name].public.keyid for name in ("tess", "tess2")
    }
    with project.workspace as workspace, workspace.registry.read() as reader:
        (logged,) = [parse_envelope(item.envelope) for item in reader.statements(Kind.RECEIPT)]
        opened = open_signed(logged, parse_root(open_envelope(workspace.pinned)))
    assert logged == envelope
    assert isinstance(opened, Signed)
    assert opened.people == ("tess",)


def test_every_key_must_be_a_trainers(project: TwoKeys) -> None:
    with pytest.raises(pg.UsageError, match="role trainer"):
        read(project, "tess", "ann")


@pytest.mark.parametrize("who", [("tess2",), ("tess", "tess2")])
def test_a_revoked_key_signs_no_receipt(project: TwoKeys, who: tuple[str, ...]) -> None:
    project.revoke(keys=(project.keys["tess2"].public.keyid,), minutes=4)
    with pytest.raises(pg.UsageError, match="was revoked") as raised:
        read(project, *who)
    assert raised.value.hint == "Sign with another key."
    assert read(project, "tess").signatures


def test_the_lists_of_evidence_and_of_the_workspace_are_both_asked(
    project: TwoKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old bundle does not know of the revocation, the workspace whose log takes the receipt does; and elsewhere."""
    with project.workspace as workspace:
        export_file(workspace, "reviews@1", tmp_path / "old.pgbundle")
        pin = f"sha256:{pin_of(workspace.pinned)}"
    project.revoke(keys=(project.keys["tess2"].public.keyid,), minutes=4)
    with pytest.raises(pg.UsageError, match="was revoked"):
        read(project, "tess2", bundle=tmp_path / "old.pgbundle", trust=pin)
    with project.workspace as workspace:
        export_file(workspace, "reviews@1", tmp_path / "new.pgbundle")
    data = project.data.rename(tmp_path / "reviews")
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(pg.UsageError, match="was revoked"),
        pg.training_run(
            data, key=project.key("tess2"), output="receipt.json", bundle=tmp_path / "new.pgbundle", trust=pin
        ),
    ):
        pytest.fail("the block was entered")
    assert not Path("receipt.json").exists()
