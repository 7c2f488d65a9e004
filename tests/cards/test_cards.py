"""Every card has a fixture that makes it fire and one that leaves it silent."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from harness import CheckRun, run_check
from tiny_models import static_words

from poisonguard.dataset.chunktree import BLAKE3_TREE
from poisonguard.dataset.opening import open_dataset
from poisonguard.domain.filefact import FileFacts
from poisonguard.domain.outcome import Ran
from poisonguard.embedders.loading import load_embedder
from poisonguard.plugin.card import checks_folder, shipped_cards
from poisonguard.plugin.registry import SHIPPED, checks_of, load_detector
from poisonguard.workflow.holdouts import read_holdout

HERE = Path(__file__).parent
CARDS = sorted(path.stem for path in (checks_folder() / "cards").glob("*.yaml"))


def read(path: Path) -> pa.Table:
    with open_dataset(str(path)) as dataset:
        batches = [batch.table for part in dataset.partitions() for batch in dataset.read(part)]
    return pa.Table.from_batches(batches)


def facts(path: Path) -> FileFacts:
    with open_dataset(str(path)) as dataset:
        return dataset.facts


def only(folder: Path, stem: str) -> Path | None:
    return next(iter(sorted(folder.glob(f"{stem}.*"))), None)


def run_fixture(card: str, kind: str, model: Path) -> CheckRun:
    folder = HERE / card / kind
    candidate, reference = only(folder, "candidate"), only(folder, "reference")
    assert candidate is not None, f"{folder} holds no candidate"
    options: dict[str, Any] = {}
    if (folder / "scan.yaml").exists():
        options = yaml.safe_load((folder / "scan.yaml").read_text()) or {}
    contract = options.get("contract")
    return run_check(
        card,
        read(candidate),
        read(reference) if reference else None,
        columns=options.get("columns", {}),
        params=options.get("params", {}),
        contract=(folder / contract).read_text() if contract else None,
        holdouts=[
            read_holdout(str(folder / name), chosen={}, tree=BLAKE3_TREE, workers=1)
            for name in options.get("holdouts", ())
        ],
        embedder=load_embedder(str(static_words(model)), 1) if options.get("embeddings") else None,
        beside=options.get("beside", ()),
        files=facts(candidate),
        history=[read(folder / name) for name in options.get("history", ())],
    )


@pytest.mark.parametrize("card", CARDS)
def test_fires_on_its_firing_fixture(card: str, tmp_path: Path) -> None:
    findings = run_fixture(card, "fires", tmp_path / "model").findings
    assert findings
    assert {finding.check for finding in findings} == {card}
    for finding in findings:
        assert finding.message.strip()
        assert any(sign.isdigit() for sign in finding.message), "a finding speaks in numbers"
        assert 0 <= finding.confidence <= 1


@pytest.mark.parametrize("card", CARDS)
def test_stays_silent_on_its_silent_fixture(card: str, tmp_path: Path) -> None:
    run = run_fixture(card, "silent", tmp_path / "model")
    assert isinstance(run.outcome, Ran), "silence by skipping proves nothing"
    assert run.findings == ()


def test_every_shipped_detector_has_a_card_and_every_card_a_detector() -> None:
    assert {card.detector for card in shipped_cards().values()} == set(SHIPPED)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_detector_is_registered_under_its_own_name(name: str) -> None:
    assert load_detector(name).detector == name


@pytest.mark.parametrize("pack", sorted(path.stem for path in (checks_folder() / "packs").glob("*.yaml")))
def test_every_pack_binds(pack: str) -> None:
    assert checks_of([pack])
