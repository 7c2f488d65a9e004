"""How well a scan saw an attack: from the score of every row, and from the rows that findings name."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from poisonguard.domain.finding import Finding, Level
from poisonguard.redteam.attack import RowNumbers

FALSE_POSITIVES = 0.01
"""Share of honest rows that may score as high as a poisoned row that counts."""
NAMED = 0.5
"""Share of the poisoned rows that a finding must name to be about them."""


def recall_at_few_false_positives(
    scores: npt.NDArray[np.float64], poisoned: RowNumbers, alike: RowNumbers | None = None
) -> float:
    """Share of the poisoned rows that score strictly above all but 1 % of the honest ones.

    Strictly: rows that share a score with too many honest ones are not told from them. A row whose score is 0 was
    not seen at all.

    Args:
        scores: One score in [0, 1] for each row.
        poisoned: The rows that are poisoned, at least one.
        alike: Honest rows that cannot be told from them, which are left out.
    """
    left = poisoned if alike is None else np.concatenate([poisoned, alike])
    honest = np.sort(np.delete(scores, left))[::-1]
    allowed = int(FALSE_POSITIVES * len(honest))
    limit = honest[allowed] if len(honest) > allowed else 0.0
    return float(np.mean(scores[poisoned] > limit))


def recall_of_files(findings: Sequence[Finding], planted: Collection[str]) -> float:
    """Share of the planted files that a finding at warning level or above names, one file at a time."""
    named = {finding.path for finding in findings if finding.level is not Level.NOTE}
    return len(named & set(planted)) / len(planted)


def checks_about(findings: Sequence[Finding], poisoned: RowNumbers, known: frozenset[str]) -> tuple[str, ...]:
    """Checks that say something about the attack: at warning level or above, and new or naming the poisoned rows.

    Args:
        findings: What the scan of the attacked copy found.
        poisoned: The rows that are poisoned.
        known: Fingerprints of what the scan of the clean copy found at warning level or above.
    """
    about = {
        finding.check
        for finding in findings
        if finding.level is not Level.NOTE and (finding.fingerprint not in known or _names(finding, poisoned) >= NAMED)
    }
    return tuple(sorted(about))


def _names(finding: Finding, poisoned: RowNumbers) -> float:
    return float(np.isin(poisoned, np.asarray(finding.rows, dtype=np.int64)).mean())
