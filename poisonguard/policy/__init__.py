"""What must be true before a version may be used: one frozen document, and pure decisions under it."""
