"""The tap at an instant that the environment names (NOW, epoch seconds), for lives that are lived fast."""

from __future__ import annotations

import os

from tap_oura import tap

tap.TapOura.clock = staticmethod(lambda: float(os.environ["NOW"]))

if __name__ == "__main__":
    tap.main()
