"""What a database's errors mean to a user; real ones come in tests/store/test_registry.py and tests/postgres."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from poisonguard.errors import IntegrityError, PoisonguardError, UsageError
from poisonguard.store.trouble import explained


class Answer(Exception):  # a driver's error
    def __init__(self, sqlite_errorname: str | None = None, sqlstate: str | None = None) -> None:
        super().__init__("what the\ndriver says")
        if sqlite_errorname is not None:
            self.sqlite_errorname = sqlite_errorname
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("answer", "kind", "words", "hint"),
    [
        (Answer("SQLITE_CORRUPT"), IntegrityError, "is damaged", "backup"),
        (Answer(sqlstate="42P01"), IntegrityError, "is damaged", "backup"),
        (Answer("SQLITE_BUSY"), UsageError, "is busy", "try again"),
        (Answer(sqlstate="55P03"), UsageError, "is busy", "try again"),
        (Answer("SQLITE_FULL"), UsageError, "is full", "nothing was written"),
        (Answer(sqlstate="53100"), UsageError, "is full", "nothing was written"),
        (Answer("SQLITE_IOERR"), UsageError, "cannot be used", "space and permissions"),
        (Answer(sqlstate="28P01"), UsageError, "cannot be used", "PGPASSWORD"),
        (Answer(sqlstate="42501"), UsageError, "cannot be used", "PGPASSWORD"),
        (Answer(), UsageError, "cannot be used", "PGPASSWORD"),
    ],
)
def test_it_is_one_line_with_a_hint(answer: Answer, kind: type[PoisonguardError], words: str, hint: str) -> None:
    error = explained(OperationalError("SELECT secret", {}, answer), "registry.db")
    assert type(error) is kind
    assert words in error.message
    assert "\n" not in error.message
    assert "SELECT" not in error.message
    assert hint in error.hint
