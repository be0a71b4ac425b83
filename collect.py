"""The operator's command; see `python collect.py --help`."""

from oura_collector.commands.cli import main

if __name__ == "__main__":
    main()
