"""`python -m watchword_tui`, and the `watchword` command."""

from watchword_tui.cli import main

if __name__ == "__main__":
    main()
