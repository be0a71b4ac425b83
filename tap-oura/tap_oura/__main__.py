"""Lets `python -m tap_oura` stand for `tap-oura`."""

from tap_oura.tap import main

main()
