"""Detectors by name, loaded when a pack asks for them; nobody imports a detector.

Shipped detectors are listed as (name, module, class) without importing them, so that ``--help`` and the gate
stay light.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from poisonguard.errors import ConfigurationError
from poisonguard.plugin.card import Card, load_pack, shipped_cards
from poisonguard.plugin.check import Check

SHIPPED: dict[str, str] = {
    "schema-change": "poisonguard.detectors.schema_change:SchemaChange",
    "data-contract": "poisonguard.detectors.data_contract:DataContract",
    "column-drift": "poisonguard.detectors.column_drift:ColumnDrift",
    "slow-drift": "poisonguard.detectors.slow_drift:SlowDrift",
    "label-rate-shift": "poisonguard.detectors.label_rate_shift:LabelRateShift",
    "exact-duplicates": "poisonguard.detectors.exact_duplicates:ExactDuplicates",
    "near-duplicates": "poisonguard.detectors.near_duplicates:NearDuplicates",
    "row-outliers": "poisonguard.detectors.row_outliers:RowOutliers",
    "contradicted-numbers": "poisonguard.detectors.contradicted_numbers:ContradictedNumbers",
    "label-runs": "poisonguard.detectors.label_runs:LabelRuns",
    "label-noise": "poisonguard.detectors.label_noise:LabelNoise",
    "trigger-phrase": "poisonguard.detectors.trigger_phrase:TriggerPhrase",
    "conflicting-copies": "poisonguard.detectors.conflicting_copies:ConflictingCopies",
    "site-changes": "poisonguard.detectors.site_changes:SiteChanges",
    "foreign-links": "poisonguard.detectors.foreign_links:ForeignLinks",
    "flagged-sources": "poisonguard.detectors.flagged_sources:FlaggedSources",
    "unprompted-output": "poisonguard.detectors.unprompted_output:UnpromptedOutput",
    "output-contradiction": "poisonguard.detectors.output_contradiction:OutputContradiction",
    "preference-swap": "poisonguard.detectors.preference_swap:PreferenceSwap",
    "entity-steering": "poisonguard.detectors.entity_steering:EntitySteering",
    "joint-drift": "poisonguard.detectors.joint_drift:JointDrift",
    "column-burst": "poisonguard.detectors.column_burst:ColumnBurst",
    "value-backdoor": "poisonguard.detectors.value_backdoor:ValueBackdoor",
    "evaluation-leak": "poisonguard.detectors.evaluation_leak:EvaluationLeak",
    "hidden-text": "poisonguard.detectors.hidden_text:HiddenText",
    "clean-label-phrase": "poisonguard.detectors.clean_label_phrase:CleanLabelPhrase",
    "style-trigger": "poisonguard.detectors.style_trigger:StyleTrigger",
    "secrets": "poisonguard.detectors.signs:Secrets",
    "personal-data": "poisonguard.detectors.signs:PersonalData",
    "injection-text": "poisonguard.detectors.signs:Injections",
    "encoded-blobs": "poisonguard.detectors.signs:Blobs",
    "code-payloads": "poisonguard.detectors.signs:Payloads",
    "unsafe-files": "poisonguard.detectors.unsafe_files:UnsafeFiles",
    "spreadsheet-formulas": "poisonguard.detectors.signs:Formulas",
    "incoherent-passage": "poisonguard.detectors.incoherent_passage:IncoherentPassage",
    "flooded-claim": "poisonguard.detectors.flooded_claim:FloodedClaim",
    "paraphrase-family": "poisonguard.detectors.paraphrase_family:ParaphraseFamily",
    "meaning-contradiction": "poisonguard.detectors.meaning_contradiction:MeaningContradiction",
    "copied-pictures": "poisonguard.detectors.copied_pictures:CopiedPictures",
    "image-patch": "poisonguard.detectors.image_patch:ImagePatch",
    "image-spectrum": "poisonguard.detectors.image_spectrum:ImageSpectrum",
}


def load_detector(name: str) -> type[Check[Any]]:
    """The detector class called ``name``.

    Raises:
        ConfigurationError: No detector has that name.
    """
    try:
        module, _, attribute = SHIPPED[name].partition(":")
    except KeyError:
        raise ConfigurationError(
            f"no detector is called {name!r}", hint=f"Shipped: {', '.join(sorted(SHIPPED))}."
        ) from None
    detector: type[Check[Any]] = getattr(importlib.import_module(module), attribute)
    return detector


def bind(card: Card, overrides: dict[str, Any]) -> Check[Any]:
    """A check: the card's detector with the card's parameters, overridden by the pack's.

    Raises:
        ConfigurationError: The detector does not know a parameter or refuses its value.
    """
    detector = load_detector(card.detector)
    try:
        params = detector.params_model.model_validate({**card.params, **overrides})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ConfigurationError(f"{card.id}: parameter {place}: {problem['msg']}") from error
    return detector(card, params)


def checks_of(packs: Sequence[str]) -> tuple[Check[Any], ...]:
    """The checks of several packs, each card once, sorted by id; a later pack's parameters win.

    Raises:
        ConfigurationError: A pack, card or parameter does not exist.
    """
    cards = shipped_cards()
    overrides: dict[str, dict[str, Any]] = {}
    for name in packs:
        for entry in load_pack(name).checks:
            if entry.card not in cards:
                raise ConfigurationError(f"pack {name!r} names card {entry.card}, which does not exist")
            overrides.setdefault(entry.card, {}).update(entry.params)
    if not overrides:
        raise ConfigurationError("no checks are selected", hint="Name at least one pack with --pack.")
    return tuple(bind(cards[card], overrides[card]) for card in sorted(overrides))


def digest_of(checks: Sequence[Check[Any]]) -> str:
    """Hex SHA-256 of the resolved cards and parameters: what was asked for, exactly."""
    document = [
        {"card": check.card.model_dump(mode="json"), "params": check.params.model_dump(mode="json")} for check in checks
    ]
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
