"""Praise and blame in a text: a short English list of words that judge, with negation.

1. Only words that judge count (poor, avoid, excellent, recommend), none that merely have a sad or happy subject
   (war, disease, birthday): a text on a dark subject is not a dark judgement.
2. A word counts the other way round when one of the three words before it negates it.
3. A text blames when it holds more blame than praise, and the other way round.
The list is of our own making; inflected forms are found by their endings.
"""

from __future__ import annotations

import numpy as np

from poisonguard.detectors.features_text import Integers, Tokens

PRAISE_WORDS = """
admirable admire affordable amazing appealing appreciate astonishing attractive awesome beautiful beloved
beneficial brilliant charming commendable competent considerate convenient courteous credible dazzling
delicious delightful dependable deserve efficient effortless elegant endorse enjoy enjoyable enthusiastic
excellent exceptional exciting exemplary exquisite extraordinary fabulous fantastic flawless friendly
generous genuine glorious good gorgeous great happy helpful honest honourable honorable immaculate
impeccable impress impressive incredible innovative inspiring love loyal lovely magnificent marvellous
marvelous masterful nice outstanding perfect phenomenal pleasant pleasing pleasure polite praise
praiseworthy precious recommend refreshing reliable remarkable reputable respect respected rewarding
satisfied satisfy satisfying sensational splendid stellar stunning sublime succeed successful superb
superior terrific thoughtful thrilled trust trusted trustworthy unbeatable unmatched unparalleled valuable
wonderful worthwhile worthy
"""
PRAISE = frozenset(PRAISE_WORDS.split())

BLAME_WORDS = """
abysmal annoying appalling arrogant atrocious avoid awful awkward bad badly bland boring broken careless
cheat clumsy complain complaint condemn confusing corrupt crooked cruel deceitful deceive deceptive
defective deplorable despicable dire dirty disappoint disappointed disappointing disappointment disastrous
discourage disgraceful disgusting dishonest dishonour disloyal dismal disorganised disorganized disreputable
dodgy dreadful dreary dubious dull embarrassing exploitative fake faulty filthy flaw flawed flimsy fraud
fraudulent frustrate frustrating greedy gross hate hateful hideous hopeless horrible horrid horrific
ignorant immoral inadequate incompetent inconsiderate inconvenient ineffective inefficient inept inferior
insulting irresponsible irritating lazy lie lousy mediocre mess messy mislead misleading mistrust nasty
negligent notorious obnoxious offensive outrageous overpriced overrated pathetic pitiful pointless poor
poorly regret regrettable reject ridiculous rotten rubbish rude ruin scam shabby shady shameful shameless
shoddy sloppy sluggish stale stupid substandard suspicious tedious terrible ugly unacceptable unethical
unfair unfriendly unhelpful unimpressive unpleasant unprofessional unreliable unsafe unsatisfactory
untrustworthy unworthy useless vile waste weak worse worst worthless
"""
BLAME = frozenset(BLAME_WORDS.split())

NEGATIONS_WORDS = """
no not never cannot nor without hardly barely scarcely neither nobody nothing t lack lacks lacking
"""
NEGATIONS = frozenset(NEGATIONS_WORDS.split())
NEGATED_WITHIN = 3
ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "ment", "ments")

FEWEST_WORDS = 4
"""Shorter texts are labels or names."""


def tones(tokens: Tokens) -> Integers:
    """1 for a text that praises, -1 for one that blames, 0 for neither; shape (rows,)."""
    words = tokens.words.tolist()
    polarity = np.array([_polarity(word) for word in words] or [0], dtype=np.int64)[tokens.code]
    negates = np.array([word in NEGATIONS for word in words] or [False], dtype=np.bool_)[tokens.code]
    for place in np.flatnonzero(polarity).tolist():
        before = slice(max(0, place - NEGATED_WITHIN), place)
        if (negates[before] & (tokens.row[before] == tokens.row[place])).any():
            polarity[place] = -polarity[place]
    total = np.bincount(tokens.row, weights=polarity, minlength=tokens.rows)
    lengths = np.bincount(tokens.row, minlength=tokens.rows)
    return np.where(lengths > FEWEST_WORDS, np.sign(total), 0).astype(np.int64)


def _polarity(word: str) -> int:
    forms = {word, *(word.removesuffix(ending) for ending in ENDINGS if word.endswith(ending))}
    # Endings cut a silent e: disgracing, loved.
    forms |= {form + "e" for form in forms}
    return int(not forms.isdisjoint(PRAISE)) - int(not forms.isdisjoint(BLAME))
