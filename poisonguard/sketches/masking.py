"""How private values are shown, and which values are nobody's: placeholders of manuals and examples."""

from __future__ import annotations

import math
import re
from collections import Counter

SHOWN = 4
"""Characters of a masked value that are shown at its start, where the kind of a token is told."""
FEWEST_DISTINCT = 5
"""A real token of any length has more different characters than this."""

PLACEHOLDER = re.compile(
    r"example|sample|dummy|placeholder|redacted|changeme|change_me|replace|insert|your[_-]?|my[_-]?(?:secret|pass|key|token)"
    r"|xxxx|\*\*\*|\.\.\.|<|>|\$\{|\$\(|\{\{|%\(|12345678|abcdefg|qwerty|deadbeef|0000000|fake|todo|notreal|s3cr3t"
    r"|(?:^|[_-])(?:secret|password|passwd|token|test|foo|bar|hunter2)(?:$|[_-])",
    re.IGNORECASE,
)


def masked(value: str) -> str:
    """The start of ``value`` and its length; line breaks do not survive."""
    start = re.sub(r"\s+", " ", value[:SHOWN]) if len(value) > 2 * SHOWN else value[:1]
    return f"{start}… ({len(value)} characters)"


def is_placeholder(value: str) -> bool:
    """Whether a value is one that manuals show."""
    return bool(PLACEHOLDER.search(value)) or len(set(value)) < FEWEST_DISTINCT


def entropy(value: str) -> float:
    """Shannon entropy of the characters, in bits each."""
    counts, total = Counter(value), len(value)
    return -sum(count / total * math.log2(count / total) for count in counts.values())
