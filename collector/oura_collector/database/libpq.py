"""libpq's parameters and variables: which parameters a database URL may have, and how they reach every program.

The collector, Meltano and the loader take any parameter. dbt and psql take the main ones; the others reach them by
libpq's own variables, such as PGSSLCERT. A parameter without a variable would not reach all of them, so it is refused.
"""

from __future__ import annotations

import os
import re
from functools import cache

from psycopg import pq

from oura_collector.settings import SettingsError

TUNING = {"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"}
TUNING |= {"fallback_application_name"}
"""Without variables, but they change neither what is reached nor how safely: dbt and psql do without."""

NEWER = {"min_protocol_version", "max_protocol_version"}
"""Known to libpq 18 but not to dbt's libpq, which would ignore the variables."""

WHOSE = {"service", "servicefile", "application_name"}
"""Not passed on: a service is resolved, and a run names its sessions after itself."""


@cache
def _variables() -> dict[str, str | None]:
    """Return libpq's parameters, each with its environment variable or None."""
    return {each.keyword.decode(): each.envvar.decode() if each.envvar else None for each in pq.Conninfo.get_defaults()}


def variables(parameters: dict[str, str]) -> dict[str, str]:
    """Return the environment variables of the parameters that have one."""
    known = _variables()
    return {
        variable: value for name, value in parameters.items() if name not in WHOSE and (variable := known.get(name))
    }


def from_outside() -> dict[str, str]:
    """Return the parameters that libpq takes from its own variables and defaults, without the password."""
    found = {each.keyword.decode(): each.val.decode() for each in pq.Conninfo.get_defaults() if each.val}
    found.pop("password", None)
    return found


def checked(given: dict[str, str], setting: str) -> dict[str, str]:
    """Return the parameters unchanged. Raises SettingsError, one line, for one that cannot reach every program."""
    for name, variable in (("host", "PGHOST"), ("hostaddr", "PGHOSTADDR"), ("port", "PGPORT")):
        if "," in given.get(name, os.environ.get(variable, "")):
            raise SettingsError(
                f"{setting if name in given else variable}: several hosts are not supported: a run needs one server; "
                "use an address of the primary"
            )
    for name in given.keys() - TUNING:
        if name in NEWER or not _variables().get(name):
            raise SettingsError(f"{setting}: `{name}` is not supported by dbt; remove it")
    encoding = given.get("client_encoding", "utf8")
    if encoding.lower().replace("-", "") != "utf8":
        raise SettingsError(f"{setting}: `client_encoding` is not supported, because it is always UTF8; remove it")
    if not re.fullmatch(r"\s*[+-]?\d+\s*", given.get("connect_timeout") or "0", re.ASCII):
        raise SettingsError(f"{setting}: `connect_timeout` must be a number of seconds")
    return given


def resolved(given: dict[str, str], setting: str) -> dict[str, str]:
    """Replace `service` by the parameters of its service file, because dbt supports none. Raises SettingsError."""
    if "service" not in given:
        return given
    before = os.environ.get("PGSERVICE")
    os.environ["PGSERVICE"] = given["service"]
    try:
        # Only libpq knows where service files are and which of its variables apply too.
        found = {option.keyword.decode(): option for option in pq.Conninfo.get_defaults()}
    finally:
        if before is None:
            del os.environ["PGSERVICE"]
        else:
            os.environ["PGSERVICE"] = before
    known = {
        name: option.val.decode() for name, option in found.items() if option.val and option.val != option.compiled
    }
    if not {"host", "hostaddr", "dbname"} & known.keys():
        raise SettingsError(f"{setting}: no service file knows the service {given['service']}")
    return {name: value for name, value in {**known, **given}.items() if name not in ("service", "servicefile")}
