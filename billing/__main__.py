"""``python -m billing`` is ``billing``."""

from billing.cli.main import main

if __name__ == "__main__":
    main()
