"""Published poisoning attacks as seeded transforms of a table."""
