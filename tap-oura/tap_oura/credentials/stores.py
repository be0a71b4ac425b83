"""Which store a location names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_oura.credentials.files import Files
from tap_oura.credentials.vault import StoreFailed

if TYPE_CHECKING:
    from tap_oura.credentials.vault import Vault


def open_vault(location: str) -> Vault:
    """Return the vault at a folder's path or an `aws-secretsmanager://` address, untouched. Raises StoreFailed."""
    if not location.startswith("aws-secretsmanager://"):
        return Files(location)
    # boto3 is an extra of its own, which only those install who need it.
    try:
        from tap_oura.credentials.secrets_manager import SecretsManager
    except ModuleNotFoundError:
        raise StoreFailed("token_store: AWS Secrets Manager needs boto3; install tap-oura[aws]") from None
    return SecretsManager(location)
