"""Projects for tests of the command line."""

from evidence_fixtures import approved, project

__all__ = ["approved", "project"]
