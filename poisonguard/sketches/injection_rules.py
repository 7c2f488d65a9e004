"""Text that speaks to a language model instead of to its reader: phrases, templates, markup that hides, lures.

1. A text that is about the matter (attacks, prompts, chat formats) may quote it: ``ABOUT`` in what is left of the row,
   once the sign is taken out, makes a sign a quotation. That is the knock-out: an instruction to a model in a text
   about anything else was put there.
2. A hidden element in a page full of markup is how pages are made, and noted; in a text without other markup it hides
   something.
3. End-of-text markers and lone role names are litter of corpora: they are no sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from poisonguard.domain.finding import Level
from poisonguard.sketches.signs import Found, Kind, Rulebook

OVERRIDES = Kind("instructions to a model in texts about something else", 0.96, Level.WARNING, min_rows=3, hinted=True)
HIDDEN = Kind(
    "words in markup that is not shown, in texts without other markup", 0.95, Level.WARNING, min_rows=2, hinted=True
)
LURES = Kind("images or links that would carry a conversation away", 0.94, Level.WARNING)
TEMPLATES = Kind("chat-template tokens in running text", 0.8, Level.NOTE)
QUOTED = Kind("instructions to a model where they are spoken of", 0.6, Level.NOTE, min_rows=3)
PAGES = Kind("markup that is not shown, in pages", 0.52, Level.NOTE, min_rows=3)

ABOUT = re.compile(
    r"(?i)\b(?:prompt[ -](?:injection|engineer\w*|leak\w*|attack\w*|template\w*|hack\w*)|system prompts?"
    r"|jailbreak\w*|chat-?bots?|llms?"
    r"|(?:chat)?gpt[\w.-]*|language models?|red.?team\w*|ai (?:assistants?|models?|systems?|safety)|fine-?tun\w+"
    r"|chatml|adversarial prompts?"
    r"|role-?play\w*|claude|gemini|llama|mistral)\b"
)
_VERB = r"(?:ignore|disregard|forget|override|bypass|neglect|discard|(?:do not|don't) (?:follow|obey)|stop following)"
_BEFORE = r"(?:previous|prior|earlier|above|preceding|foregoing|existing|original|initial|system|safety|developer)"
_ORDERS = r"(?:instructions?|prompts?|directions?|directives?|rules|guidelines|commands?|orders|messages?|context)"
_PHRASES = re.compile(
    rf"(?i)\b{_VERB}\b[^.\n]{{0,30}}?\b{_BEFORE}\b[^.\n]{{0,20}}?\b{_ORDERS}\b"
    rf"|\b{_VERB}\b\s+(?:everything|anything|all(?: of)?(?: that)?)\s+(?:above|before|you were told|said before)"
    r"|\b(?:reveal|print|repeat|output|show|leak|disclose)\b[^.\n]{0,20}\b(?:your|the)\b[^.\n]{0,15}\b(?:system"
    r"|hidden|initial|secret)\s(?:prompt|instructions|message)"
    r"|\b(?:attention|note|notice|message|instructions?|important)\b,?\s(?:to|for)\s(?:all\s|any\s|the\s)?(?:ai"
    r"|a\.i\.|llms?|language models?|chat-?bots?|ai assistants?|assistant)\b[^.\n]{0,20}[:;,]"
    r"|\bif you are an? (?:ai|llm|large language model|language model|chat-?bot)\b"
    r"|\byou are now (?:dan\b|in developer mode|jailbroken|unrestricted)|\bdeveloper mode (?:enabled|is on)\b"
    r"|\bsend (?:the|this|our|all|your)[^.\n]{0,20}(?:conversation|chat history|system prompt"
    r"|user'?s? data)[^.\n]{0,20}\bto https?://"
)
_TEMPLATE = re.compile(
    r"<\|(?:im_start|start_header_id|system|user|assistant|begin_of_text)\|>|<<SYS>>|\[INST\]|<start_of_turn>"
    r"|<\|im_sep\|>"
)
_HIDING = re.compile(
    r"(?is)<(\w{1,12})\b[^<>]{0,200}?(?:display\s*:\s*none|visibility\s*:\s*hidden"
    r"|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|(?:left|top|text-indent)\s*:\s*-\d{3,}|\shidden(?=[\s>=])|color\s*[:=]\s*[\"']?(?:#fff(?:fff)?\b"
    r"|white\b))[^<>]{0,200}>\s*[^<\s][^<]{3,2000}"
)
_ELEMENT = re.compile(
    r"(?i)</?(?:a|p|br|div|span|li|ul|ol|td|th|tr|table|h[1-6]|b|i|em|strong|img|script|style|html|body|head"
    r"|meta|link|font|code|pre"
    r"|section|article|nav|button|input|form|svg|path)\b[^<>]{0,300}>"
)
_LURE = re.compile(
    r"(?i)!\[[^\]\n]{0,200}\]\(\s*https?://[^\s)]{1,300}[?&][\w-]{1,30}=[^)\n]{0,20}(?:[{\[<$]|%7b)[^)\n]{0,60}"
    r"(?:data|conversation|history|secret|prompt|message|token|user|summary|answer|input)[^)\n]{0,60}\)"
)
QUOTES = frozenset({'"', "'", "`", "\u201c", "\u2018", "\u00ab"})
MOST_MARKUP = 4
"""Tags besides the hiding one that a text without markup may hold."""


def _find(text: str, beside: str) -> Found:
    found: dict[str, str] = {}
    phrase = _PHRASES.search(text)
    if phrase:
        found[(QUOTED if _spoken_of(text, phrase, beside) else OVERRIDES).name] = phrase[0]
    template = _TEMPLATE.search(text)
    if template:
        found[TEMPLATES.name] = template[0]
    hiding = _HIDING.search(text)
    if hiding:
        rest = text[: hiding.start()] + text[hiding.end() :]
        found[(PAGES if len(_ELEMENT.findall(rest)) > MOST_MARKUP else HIDDEN).name] = hiding[0]
    lure = _LURE.search(text)
    if lure:
        found[LURES.name] = lure[0]
    return found


def _spoken_of(text: str, phrase: re.Match[str], beside: str) -> bool:
    """Whether what is left of the row, without the sentences of all signs, is about models and prompts."""
    quoted = text[max(0, phrase.start() - 1) : phrase.start()] in QUOTES
    return quoted or bool(ABOUT.search(beside)) or any(ABOUT.search(rest) for rest in _left(text))


def _left(text: str) -> Iterator[str]:
    """The text without the sentences that hold a sign."""
    done = 0
    for match in _PHRASES.finditer(text):
        start = max(text.rfind(end, done, match.start()) for end in ".!?\n") + 1
        yield text[done : max(done, start)]
        done = min((place for end in ".!?\n" if (place := text.find(end, match.end())) >= 0), default=len(text))
    yield text[done:]


INJECTIONS = Rulebook(
    "injections",
    (OVERRIDES, HIDDEN, LURES, TEMPLATES, QUOTED, PAGES),
    r"(?i:ignore|disregard|forget|override|bypass|neglect|discard|follow|obey)[^.\n]{1,50}(?i:instruction|prompt"
    r"|direct|rule|guideline"
    r"|command|order|message|context|above|before|told)|(?i:system|hidden|initial|secret) (?i:prompt"
    r"|instructions|message)"
    r"|(?i:to|for) (?i:all |any |the )?(?i:ai|llm|language model|chat-?bot|assistant)"
    r"|(?i:you are (?:an? )?(?:now|ai|llm|large|language|chat))"
    r"|(?i:developer mode)|(?i:send )[^.\n]{1,60}https?://|<\||<<SYS|\[INST|<start_of_turn"
    r"|(?i:display\s*:\s*none|visibility\s*:\s*hidden|font-size"
    r"\s*:\s*0|opacity\s*:\s*0|:\s*-\d{3}|<\w+[^<>]* hidden|color\s*[:=]\s*[\"']?(?:#fff|white))|!\[",
    _find,
)
