"""The version of poisonguard, in one place."""

VERSION = "0.1.0"
