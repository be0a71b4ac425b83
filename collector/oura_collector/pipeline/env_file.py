"""The block of `.env` that names the chosen database for a plain `meltano`; all other lines are the user's.

Meltano reads `.env` by itself and never moves its lines. Of an included file it moves nearly everything into
meltano.yml, which is under version control, as soon as a command such as `meltano select` writes the project.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from oura_collector import files

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

BEGIN = "# Begin: what plain Meltano uses, written by collect.py. It holds no secret; a line below it wins."
END = "# End of what collect.py writes."
OURS = re.compile(r"(CHOSEN_\w+|MELTANO_DATABASE_URI|SIMULATOR_URL)\s*=")


def write(file: Path, variables: Mapping[str, str]) -> None:
    """Write the variables to the beginning of the file, replacing the earlier block. Raises OSError."""
    text = _read(file) if file.exists() else ""
    lines = [f"{name}={_quoted(value)}" for name, value in variables.items()]
    wanted = "\n".join([BEGIN, *lines, END, "", _users(text, variables)])
    if wanted != text:
        files.replace(file, wanted)


def _users(text: str, variables: Collection[str]) -> str:
    """Return the lines that are not ours, whatever an editor did to ours: their ends, their indentation."""
    kept, inside, after = [], False, False
    for line in text.splitlines(keepends=True):
        word = line.strip()
        is_blank_after, after = after and not word, word == END
        if word in (BEGIN, END):
            inside = word == BEGIN
        elif inside and (not word or OURS.match(word) or word.partition("=")[0].strip() in variables):
            continue
        elif not is_blank_after:
            kept.append(line)
    return "".join(kept)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def is_open(file: Path, secrets: Collection[str]) -> bool:
    """Return whether other users can read one of the secrets in it."""
    if not file.exists() or not file.stat().st_mode & 0o077:
        return False
    given = dotenv_values(stream=io.StringIO(_read(file)))
    return any(given.get(name) for name in secrets)


def _read(file: Path) -> str:
    return file.read_bytes().decode()  # Unlike text mode, this leaves each line's ending as it is.
