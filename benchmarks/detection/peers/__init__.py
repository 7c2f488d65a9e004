"""The peers, in an environment of their own: nothing of them is a dependency of poisonguard."""
