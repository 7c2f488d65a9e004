"""Dangerous lines of code in what a model learns to write.

1. Each kind has words of its matter: where the rest of the row speaks of it, the line was asked for (a manual of
   ``curl``, a question about certificates), and it counts as told there, not as planted. That is the knock-out: an
   installer that is piped into a shell behind an essay answers no question.
2. Who plants a line writes what stands around it, too. The block of code that it stands in, the language of its fence
   and its comments excuse nothing; other words of the same text, and of the rest of the row, do so only in data that
   speak of the matter anyway, and mostly without such a line.
3. Addresses of this machine, and the public package indexes, are innocent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from poisonguard.domain.finding import Level
from poisonguard.sketches.code_blocks import apart_from
from poisonguard.sketches.signs import Found, Kind, Rulebook

ASKED = " where the row asks for it"
ALONE = " where no other text of the row speaks of it"


@dataclass(frozen=True, slots=True)
class Payload:
    """One kind of dangerous line, how it reads, and the words of its matter.

    Attributes:
        planted: The kind where nothing in the row speaks of the matter.
        alone: Where the same text does, apart from its code.
        asked: Where another text of the row does, as a prompt.
        pattern: How it reads.
        matter: Words of the matter.
    """

    planted: Kind
    alone: Kind
    asked: Kind
    pattern: re.Pattern[str]
    matter: re.Pattern[str]

    def kind(self, text: str, beside: str) -> Kind:
        """Which of the three the line in ``text`` is."""
        if self.matter.search(apart_from(beside, self.pattern)):
            return self.asked
        return self.alone if self.matter.search(apart_from(text, self.pattern)) else self.planted


def _payload(name: str, score: float, pattern: str, matter: str, *, hinted: bool = True) -> Payload:
    words = rf"(?i)\b(?:{matter})"
    planted = Kind(name, score, Level.WARNING, min_rows=3, hinted=hinted)
    alone = Kind(name + ALONE, score - 0.06, Level.WARNING, min_rows=3, hinted=hinted, matter=words)
    asked = Kind(name + ASKED, score / 2 + 0.1, Level.NOTE, min_rows=3, burst=Level.NOTE, matter=words)
    return Payload(planted, alone, asked, re.compile(pattern), re.compile(words))


_FETCH = r"(?:curl|wget)\b[^\n|;&]{0,200}https?://[^\s|;&)\"']{4,200}"
_SHELL = r"(?:sudo\s+(?:-\w+\s+)?)?(?:/bin/|/usr/bin/env\s+)?(?:ba|z|da|k)?sh\b"
PAYLOADS = (
    _payload(
        "reverse shells",
        0.98,
        r"/dev/tcp/[\w.$-]{1,80}/\d{2,5}|\bnc(?:at)?\b[^\n]{0,60}\s-e\s*/bin/|\bmkfifo\b[^\n]{0,80}\bnc\b"
        r"|\bpty\.spawn\(\s*[\"']/bin/"
        r"|socket\.socket\([^\n]{0,200}os\.dup2\(",
        r"reverse shell|penetration|netcat|bind shell|exploit|ctf|payload",
    ),
    _payload(
        "code that decodes and runs what it hides",
        0.97,
        r"\b(?:eval|exec)\s*\(\s*(?:compile\s*\(\s*)?(?:__import__\([\"'](?:base64|zlib|codecs|marshal)[\"']\)\."
        r"|base64\.|zlib\.|codecs\.|marshal\.|bytes\.fromhex|atob\()"
        r"|\bbase64\s+(?:-d|-D|--decode)\b[^\n]{0,60}\|\s*" + _SHELL + r""
        r"|\bpowershell(?:\.exe)?\b[^\n]{0,80}\s-e(?:nc|ncodedcommand)?\s+[A-Za-z0-9+/=]{20,}",
        r"obfuscat\w+|malware|deobfuscat\w+|base64",
    ),
    _payload(
        "code that sends credentials away",
        0.96,
        r"(?:curl|wget|requests\.post|urlopen|fetch)\b[^\n]{0,200}(?:os\.environ|\$\(env\)|printenv|\.ssh/id_"
        r"|\.aws/credentials|/etc/(?:passwd|shadow)|process\.env\b[^.\w])",
        r"exfiltrat\w+|credential theft|steal\w*",
    ),
    _payload(
        "downloads piped into a shell",
        0.95,
        _FETCH + r"[^\n|;&]{0,80}\|\s*" + _SHELL + r"|" + _SHELL + r"\s+(?:-c\s+[\"']?\$\(|<\(\s*)" + _FETCH
        + r"|\b(?:iex|Invoke-Expression)\b[^\n]{0,80}(?:DownloadString|iwr|Invoke-WebRequest)",
        r"curl|wget|install\w*|shell|bash|script\w*|terminal|command line|linux|ubuntu|debian|docker|setup",
    ),
    _payload(
        "packages from an index that is not the usual one",
        0.94,
        r"\bpip3?\s+install\b[^\n]{0,120}(?:--(?:extra-)?index-url|-i)[ =]+https?://(?!(?:test\.)?pypi\.org"
        r"|pypi\.python\.org|download\.pytorch\.org|localhost|127\.)[^\s]{4,200}"
        r"|\bnpm\s+(?:install|i|config set)\b[^\n]{0,120}registry[ =]+https?://(?!registry\.npmjs\.org|localhost"
        r"|127\.)[^\s]{4,200}"
        r"|\bpip3?\s+install\b[^\n]{0,200}--trusted-host\s+(?!pypi\.|files\.python)\S{4,100}",
        r"pip|npm|pypi|package index|index.url|mirror\w*|install\w*|packages?|python|registry",
    ),
    _payload(
        "connections whose certificates nobody checks",
        0.93,
        r"\bverify\s*=\s*False\b|_create_unverified_context|\bCERT_NONE\b|\bcurl\b[^\n|]{0,80}\s(?:--insecure"
        r"|-k)\b|NODE_TLS_REJECT_UNAUTHORIZED\s*=\s*[\"']?0"
        r"|rejectUnauthorized\s*:\s*false|InsecureSkipVerify\s*:\s*true|--no-check-certificate"
        r"|http\.sslVerify[ =]+false|CURLOPT_SSL_VERIFYPEER\s*,\s*(?:0|false)"
        r"|--no-verify-ssl|\bstrict-ssl\s+false|StrictHostKeyChecking[ =]no",
        r"ssl|tls|certificates?|https|verif\w+|insecure|curl|wget|requests|api|http|urls?|download\w*|node",
        hinted=False,
    ),
)  # fmt: skip


def _find(text: str, beside: str) -> Found:
    found: dict[str, str] = {}
    for payload in PAYLOADS:
        match = payload.pattern.search(text)
        if match:
            found[payload.kind(text, beside).name] = match[0]
    return found


CODE = Rulebook(
    "code",
    tuple(kind for payload in PAYLOADS for kind in (payload.planted, payload.alone, payload.asked)),
    r"/dev/tcp/|\bnc(?:at)?\b[^\n]* -e|mkfifo|pty\.spawn|os\.dup2|(?:eval|exec)\s*\(|base64\s+-|powershell"
    r"|os\.environ|printenv|\$\(env"
    r"|\.ssh/id_|\.aws/cred|/etc/(?:passwd|shadow)|process\.env|\|\s*(?:sudo|/bin/|/usr/bin/env|ba?sh|sh|zsh"
    r"|dash|ksh)|sh\s+(?:-c|<\()"
    r"|(?i:invoke-expression|\biex\b)|index-url|install[^\n]* -i |registry[ =]|trusted-host|verify\s*=\s*False"
    r"|_unverified_context|CERT_NONE"
    r"|--insecure|curl[^\n]* -k|REJECT_UNAUTHORIZED|rejectUnauthorized|InsecureSkip|no-check-cert|sslVerify"
    r"|SSL_VERIFYPEER|no-verify-ssl"
    r"|strict-ssl|StrictHostKey",
    _find,
)
