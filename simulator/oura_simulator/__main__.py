"""`python -m oura_simulator` is `oura-simulator`."""

from oura_simulator.cli import main

if __name__ == "__main__":
    main()
