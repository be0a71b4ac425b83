"""The files that runs leave behind: which are the collector's own, and which of them identify a person.

A file is only deleted if the table below lists its path and name. Links are never followed: folders are walked and
files opened by descriptor, so that a link that replaces a folder in the meantime leads nowhere.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import platformdirs
from click import format_filename as shown

from oura_collector.database.passfile import NAME as PASSWORD_FILE
from oura_collector.pipeline.process import STATE
from oura_collector.privacy.export import EXPORTS, archives_of
from oura_collector.settings import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_collector.privacy.person import Person
    from oura_collector.settings import Settings

BLOCK = 2**20
"""Bytes of a file that are in memory at a time."""


class Own(NamedTuple):
    """Files of ours: below `folder`, those whose whole relative path `names` matches."""

    folder: Path
    names: str
    why: str
    """Why no run needs them."""
    runs: frozenset[str] | None = None
    """Only in folders named after these runs."""

    def covers(self, path: Path) -> bool:
        return (
            path.is_relative_to(self.folder)
            and re.fullmatch(self.names, path.relative_to(self.folder).as_posix()) is not None
            and (self.runs is None or path.parent.name in self.runs)
        )


PLUGIN = r"(?:(?:tap|target)-[^/]+|elt/[^/]+/[^/]+)/(?:(?:tap|target)\.[^/]+|(?:new_)?state\.json)"
LOG = r"elt/[^/]*tap-oura-to-target-[^/]*/[^/]+/elt\.log"
TARGET = (
    r"(?:compiled|run)/oura/.+|(?:manifest|run_results|sources|catalog|semantic_manifest|graph_summary|perf_info)\.json"
    r"|graph\.gpickle|partial_parse\.msgpack"
)
BATCHES = r"batches(?:-[^/]+)?/[^/]+"
DBT_LOG = r"dbt\.log(?:\.\d+)?"


def own(settings: Settings, runs: frozenset[str]) -> list[Own]:
    """Return the table of files that may be deleted; `runs` are Meltano's run ids of this database."""
    data, meltano = _data(settings), PROJECT / ".meltano"
    handed, log = "what Meltano hands to a plugin; each run writes it anew", "a log"
    made, parsed = "files of a run that was killed", "what dbt makes of the models; it does so again"
    return [
        # In the image, Meltano's run folder is the data folder, and so is the home folder.
        *(Own(folder, PLUGIN, handed) for folder in (data, meltano / "run")),
        Own(data / "meltano", rf"[^/]+/run/(?:{PLUGIN})", handed),
        Own(data / "meltano", rf"[^/]+/{BATCHES}", made),
        Own(data / "meltano", rf"[^/]+/{STATE}/meltano/log/{LOG}", log),
        Own(data / "meltano", rf"[^/]+/dbt/target/(?:{TARGET})", parsed),
        Own(data / "meltano", rf"[^/]+/dbt/logs/{DBT_LOG}", log),
        # Meltano logs into the user's home, whichever project it works for.
        *(Own(folder, LOG, log, runs) for folder in (meltano / "logs", LOGS, data / ".local/state/meltano/log")),
        Own(data, r"simulator\.log", log),
        Own(data, BATCHES, made),
        Own(data / "dbt" / "target", TARGET, parsed),
        Own(data / "dbt" / "logs", DBT_LOG, log),
        *(Own(_place(settings, path), TARGET, parsed) for path in _paths("DBT_TARGET_PATH")),
        *(Own(_place(settings, path), DBT_LOG, log) for path in _paths("DBT_LOG_PATH")),
    ]


LOGS = Path(platformdirs.user_log_path("meltano"))
LINKS = r"(?:meltano/[^/]+/(?:run/)?)?bin|meltano/[^/]+/(?:extractors|loaders|utilities)"
"""Links to programs that Meltano and the collector create; they are not reported."""


@dataclass
class Found:
    """The result of a search."""

    removed: list[Path] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Places that identify the person or could not be read."""
    links: list[Path] = field(default_factory=list)
    """Not followed."""
    elsewhere: int = 0
    """Logs of runs on other databases that contain the name: another person may have it there."""


def remove(settings: Settings, person: Person, runs: frozenset[str]) -> list[Path]:
    """Delete our files that identify the person, and return them."""
    return _search(settings, person, runs, removing=True).removed


def search(settings: Settings, person: Person, runs: frozenset[str]) -> Found:
    """Search the files of the data folder and of runs for the person, and delete nothing."""
    return _search(settings, person, runs, removing=False)


def _search(settings: Settings, person: Person, runs: frozenset[str], *, removing: bool) -> Found:
    found, table, archives = Found(), own(settings, runs), archives_of({*person.names, *person.entries})
    exports = _data(settings) / EXPORTS
    # Any part of a word is enough to delete a file; other files are only reported, so a whole word must match.
    loose, strict = person.anything, person.pattern
    for path, folder in _walk(settings, table, found):
        is_hers = path.is_relative_to(exports) and archives.fullmatch(path.relative_to(exports).parts[0]) is not None
        is_own = is_hers or any(each.covers(path) for each in table)
        if LOGS in path.parents and not re.fullmatch(LOG, path.relative_to(LOGS).as_posix()):
            continue  # Of another project.
        pattern = loose if is_own else strict
        try:
            is_found = is_hers or re.search(pattern, path.name) or _holds(path.name, folder, pattern, person.longest)
            if is_found and is_own and removing:
                os.unlink(path.name, dir_fd=folder)
                found.removed.append(path)
            elif is_found and LOGS in path.parents and not is_own:
                found.elsewhere += 1
            elif is_found:
                found.left.append(f"file: {shown(path)}")
        except FileNotFoundError:
            continue
        except OSError as error:
            found.left.append(
                f"file that cannot be {'removed' if removing else 'read'}: {shown(path)} ({error.strerror})"
            )
    return found


def _walk(settings: Settings, table: list[Own], found: Found) -> Iterator[tuple[Path, int]]:
    """Yield each regular file with a descriptor of its folder, but those of the database, the tokens and passwords."""
    data = _data(settings)
    skipped = {data / "postgres", data / "credentials"}
    known = [Own(data, LINKS, ""), Own(PROJECT / ".meltano" / "run", "bin", "")]

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            found.left.append(f"folder that cannot be read: {shown(error.filename)} ({error.strerror})")

    roots = {data, *(each.folder for each in table)}
    for root in sorted(root for root in roots if not roots & {*root.parents}):
        if root.is_symlink() and not root.samefile(data):
            found.links.append(root)
        if root.is_symlink() or not root.exists():
            continue
        for name, folders, files, descriptor in os.fwalk(root, onerror=unreadable):
            place = Path(name)
            for each in (*folders, *files):
                path = place / each
                try:
                    mode = os.stat(each, dir_fd=descriptor, follow_symlinks=False).st_mode
                except FileNotFoundError:
                    continue
                if stat.S_ISLNK(mode) and not any(link.covers(path) for link in known):
                    found.links.append(path)
                if stat.S_ISREG(mode) and each != PASSWORD_FILE:
                    yield path, descriptor
            folders[:] = [each for each in folders if place / each not in skipped]


def _holds(name: str, folder: int, text: str, longest: int) -> bool:
    """Whether a file's content matches; it is read in pieces that overlap by the longest match and its neighbours."""
    pattern = re.compile(text.encode())
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        kept = b""
        while block := file.read(BLOCK):
            seen = kept + block
            # What ends with the piece may go on in the next.
            if any(match.end() < len(seen) for match in pattern.finditer(seen, 1 if kept else 0)):
                return True
            kept = seen[-longest - 2 :]
        return pattern.search(kept, 1 if len(kept) > longest + 1 else 0) is not None


def _data(settings: Settings) -> Path:
    """The data folder. It may be a link itself, because somebody chose it; none below it is."""
    return settings.data_dir.resolve()


def _place(settings: Settings, path: Path) -> Path:
    """A folder that somebody chose, with no link resolved that lies below the data folder."""
    chosen, data = path.absolute(), settings.data_dir.absolute()
    return _data(settings) / chosen.relative_to(data) if chosen.is_relative_to(data) else path.resolve()


def _paths(variable: str) -> list[Path]:
    return [PROJECT / path] if (path := os.environ.get(variable)) else []
