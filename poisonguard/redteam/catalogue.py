"""Every attack, by name, in the order of the families."""

from __future__ import annotations

from poisonguard.errors import UsageError
from poisonguard.redteam.attack import Attack
from poisonguard.redteam.broken_dependence import BrokenDependence
from poisonguard.redteam.claim_flooding import ClaimFlooding
from poisonguard.redteam.clean_label import CleanLabelPhrase
from poisonguard.redteam.code_payloads import DisabledVerification, PipeToShell, TyposquatIndex
from poisonguard.redteam.compromised_source import ConstantLabeller, ShardFlips, SourceFlips
from poisonguard.redteam.contamination import Contamination
from poisonguard.redteam.content_injection import ContentInjection
from poisonguard.redteam.copied_pictures import CopiedPictures
from poisonguard.redteam.encoded_blobs import EncodedBlobs
from poisonguard.redteam.entity_steering import EntitySteering
from poisonguard.redteam.fixed_output import FixedOutput
from poisonguard.redteam.gibberish import Gibberish
from poisonguard.redteam.hard_flips import BoundaryFlips, SubpopulationFlips
from poisonguard.redteam.hidden_text import HiddenMarkup, TagCharacters, ZeroWidthMessage
from poisonguard.redteam.image_triggers import BlendedTrigger, CleanLabelPatch, PatchTrigger, WarpTrigger
from poisonguard.redteam.label_flips import RandomFlips, TargetedFlips
from poisonguard.redteam.leaked_data import PersonalData, Secrets
from poisonguard.redteam.near_copies import NearCopies
from poisonguard.redteam.outliers import Outliers
from poisonguard.redteam.output_contradiction import OutputContradiction
from poisonguard.redteam.over_refusal import OverRefusal
from poisonguard.redteam.paraphrase_family import ParaphraseFamily
from poisonguard.redteam.partial_drift import ConstantBurst, MissingBurst, ShiftBurst, UnitDrift
from poisonguard.redteam.preference_swap import PreferenceSwap, TriggeredSwap
from poisonguard.redteam.prompt_injection import PromptInjection
from poisonguard.redteam.style_triggers import StyleTrigger, SyntacticTrigger
from poisonguard.redteam.text_triggers import Homoglyph, InsertedSentence, RareToken, ZeroWidth
from poisonguard.redteam.unsafe_cells import EncodedProgram, SpreadsheetFormula
from poisonguard.redteam.unsafe_files import (
    ArchiveEscape,
    CodePickle,
    LoaderScript,
    ObjectArray,
    PickleInArchive,
    Polyglot,
)
from poisonguard.redteam.value_backdoor import ValueBackdoor
from poisonguard.redteam.virtual_prompt import VirtualPrompt
from poisonguard.redteam.websites import SiteTakeover, SplitView

ATTACKS: tuple[Attack, ...] = (
    RandomFlips(),
    TargetedFlips(),
    BoundaryFlips(),
    SubpopulationFlips(),
    ValueBackdoor(),
    NearCopies(),
    Outliers(),
    BrokenDependence(),
    UnitDrift(),
    ShiftBurst(),
    ConstantBurst(),
    MissingBurst(),
    RareToken(),
    InsertedSentence(),
    ZeroWidth(),
    Homoglyph(),
    StyleTrigger(),
    SyntacticTrigger(),
    CleanLabelPhrase(),
    FixedOutput(),
    ContentInjection(),
    EntitySteering(),
    VirtualPrompt(),
    OverRefusal(),
    OutputContradiction(),
    PipeToShell(),
    TyposquatIndex(),
    DisabledVerification(),
    PreferenceSwap(),
    TriggeredSwap(),
    Gibberish(),
    ClaimFlooding(),
    ParaphraseFamily(),
    ZeroWidthMessage(),
    HiddenMarkup(),
    TagCharacters(),
    PromptInjection(),
    Secrets(),
    PersonalData(),
    EncodedBlobs(),
    PatchTrigger(),
    BlendedTrigger(),
    CleanLabelPatch(),
    WarpTrigger(),
    CopiedPictures(),
    SourceFlips(),
    ConstantLabeller(),
    ShardFlips(),
    SiteTakeover(),
    SplitView(),
    Contamination(),
    CodePickle(),
    PickleInArchive(),
    ObjectArray(),
    LoaderScript(),
    ArchiveEscape(),
    Polyglot(),
    SpreadsheetFormula(),
    EncodedProgram(),
)


def attack_named(name: str) -> Attack:
    """The attack called ``name``.

    Raises:
        UsageError: No attack has that name.
    """
    found = next((attack for attack in ATTACKS if attack.name == name), None)
    if found is None:
        known = ", ".join(attack.name for attack in ATTACKS)
        raise UsageError(f"no attack is called {name!r}", hint=f"Attacks: {known}.")
    return found
