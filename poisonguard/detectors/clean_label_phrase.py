"""A phrase that lives in one class far more purely than its rows explain: the mark of a clean-label trigger.

1. No label is wrong: the phrase was added to texts that carried the label anyway. So the rest of its rows agrees,
   but words that mean nothing would also stand in the rows that it does not convince.
2. Phrases of two words and more, short against their texts, in texts that share no topic.
3. Without a reference the phrase must tower over all that natural wording reaches in the same set.
4. With one, it must have burst in the new rows; what the reference holds alike was approved.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from poisonguard.detectors.association import Association, Group, spokesman
from poisonguard.detectors.phrase_choice import Judges, Pools, outstanding
from poisonguard.detectors.phrases import Thresholds
from poisonguard.detectors.trigger_phrase import FORMAL_ERRORS, TriggerPhrase, TriggerPhraseParams
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Context, NotApplicable
from poisonguard.sketches.base import Sketch


class CleanLabelPhraseParams(TriggerPhraseParams):
    """Parameters of the check."""

    min_purity: float = Field(default=0.95, gt=0.5, le=1)
    min_evidence: float = Field(default=5.0, ge=0, description="Orders of magnitude against chance.")
    min_burst_evidence: float = Field(default=6.0, ge=0, description="The same for a phrase that has burst.")


class CleanLabelPhrase(TriggerPhrase):
    """Finds phrases that go with a label more purely than rows that agree with it explain."""

    detector = "clean-label-phrase"
    params_model = CleanLabelPhraseParams
    params: CleanLabelPhraseParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """As for triggers, but a response is no class."""
        if context.roles.first(Role.LABEL) is None:
            return NotApplicable("no label column")
        needed = super().needs(context)
        self._asks_others = False
        return needed

    def _limits(self, *, compared: bool) -> Thresholds:
        # A burst is rare enough by itself: what is tried is what has burst, not every phrase.
        fdr = 1.0 if compared else self.params.fdr
        return Thresholds(self.params.min_rows, self.params.min_purity, fdr, agreeing=True)

    def _chosen(self, groups: list[Group], pools: Pools, *, compared: bool) -> list[Association]:
        """Phrases that the rest of their rows does not tell.

        What has burst into one label alone, and into any of its texts, needs no more: wording that belongs to the
        label's content would be told by it. Without a reference it must also be purer than the content explains, or
        long and frequent.
        """

        def strength(item: Association) -> float:
            return item.exclusive if compared else max(item.evidence, item.exclusive / 2 if item.scattered else 0.0)

        def told(group: Group) -> bool:
            return pools.told(spokesman(group), group[0].label)

        def formal(item: Association, taught: float) -> bool:
            explained = item.against(taught) < self.params.min_evidence
            return not compared and explained and taught > item.expected + FORMAL_ERRORS * item.error

        minimum = self.params.min_burst_evidence if compared else self.params.min_evidence
        return outstanding(groups, Judges(strength, told, pools.taught, formal), minimum)
