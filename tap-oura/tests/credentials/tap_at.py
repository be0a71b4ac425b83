"""The tap at the instant in the environment (NOW, epoch seconds), for simulated time."""

from __future__ import annotations

import os

from tap_oura import tap

tap.TapOura.clock = staticmethod(lambda: float(os.environ["NOW"]))

if __name__ == "__main__":
    tap.main()
