"""``python -m poisonguard``."""

from poisonguard.cli.main import main

if __name__ == "__main__":
    main()
