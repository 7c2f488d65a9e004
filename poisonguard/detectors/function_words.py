"""English function words by class: what style and sentence structure are made of, whatever a text is about.

Archaic forms belong to them. ``not``, ``no`` and ``never`` do not: they change what a text says. Light verbs such
as *see* or *want* stand in texts about anything and count as style; they share the class of content words.
"""

from __future__ import annotations

PRONOUN, CONJUNCTION, DETERMINER, AUXILIARY = "pronoun", "conjunction", "determiner", "auxiliary"
PREPOSITION, LINK, ADVERB, LIGHT = "preposition", "link", "adverb", "word"

_BY_CLASS = {
    PRONOUN: """i me my mine we us our ours you your yours he him his she her hers it its they them their theirs
        one ones someone anyone everyone somebody nobody people who whom whose which what thou thee thy thine ye""",
    CONJUNCTION: """if unless because although though while when whenever where wherever after before once since
        until till as than whether ere""",
    DETERMINER: """a an the this that these those some any each every all both either neither such many much more
        most few less least other another""",
    AUXILIARY: """is are was were be been being am do does did done doing have has had having will would shall
        should can could may might must art wast wert hath hast hadst doth dost didst shalt wilt""",
    PREPOSITION: """of in on at to from by with about into over under through between among during against without
        within upon off up down out near unto betwixt""",
    LINK: "and or but nor so yet",
    ADVERB: """here there then now just also too very quite rather same own only even still again ever perhaps
        please yes oft yea hither thither whence hence lo behold hark verily exceeding perchance prithee""",
    LIGHT: """thing things see saw seen hear heard try tried want wanted know knew get got go went make made take
        took come came say said kind sort lot bit s t re ve ll d m don didn doesn isn wasn wouldn couldn
        nay tis e o er""",
}

CLASS_OF: dict[str, str] = {word: name for name, words in _BY_CLASS.items() for word in words.split()}
"""Class of every function word."""
