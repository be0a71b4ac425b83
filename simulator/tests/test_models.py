"""Every response for a healthy account validates against models generated from Oura's own document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from oura_simulator.collections import COLLECTIONS
from oura_toolkit.api import models

if TYPE_CHECKING:
    from .conftest import Oura

PAGES = {
    "daily_activity": models.MultiDocumentResponsePublicDailyActivity,
    "daily_cardiovascular_age": models.MultiDocumentResponsePublicDailyCardiovascularAge,
    "daily_readiness": models.MultiDocumentResponsePublicDailyReadiness,
    "daily_resilience": models.MultiDocumentResponseDailyResilienceModel,
    "daily_sleep": models.MultiDocumentResponsePublicDailySleep,
    "daily_spo2": models.MultiDocumentResponsePublicDailySpO2,
    "daily_stress": models.MultiDocumentResponsePublicDailyStress,
    "enhanced_tag": models.MultiDocumentResponseEnhancedTagModel,
    "heartrate": models.TimeSeriesResponsePublicHeartRateRow,
    "rest_mode_period": models.MultiDocumentResponsePublicRestModePeriod,
    "ring_battery_level": models.TimeSeriesResponsePublicRingBatteryLevelRow,
    "ring_configuration": models.MultiDocumentResponsePublicRingConfiguration,
    "session": models.MultiDocumentResponsePublicSession,
    "sleep": models.MultiDocumentResponsePublicModifiedSleepModel,
    "sleep_time": models.MultiDocumentResponsePublicSleepTime,
    "tag": models.MultiDocumentResponseTagModel,
    "vO2_max": models.MultiDocumentResponsePublicVO2Max,
    "workout": models.MultiDocumentResponsePublicWorkout,
}
# Each has a clock change in one of the zones, in either direction, and today in progress.
SPANS = (("2025-10-12", "2025-11-10"), ("2026-02-20", "2026-03-21"), ("2026-03-18", "2026-04-16"))


def assert_fits(model: Any, body: Any) -> None:
    """Valid, and nothing lost: what the model understood is all that was sent."""
    understood = orjson.loads(orjson.dumps(model.from_dict(body).to_dict()))

    assert understood == body


def test_every_collection_has_a_model() -> None:
    assert set(PAGES) | {"personal_info"} == set(COLLECTIONS)


@pytest.mark.parametrize("user", [1, 2, 3])
@pytest.mark.parametrize("collection", PAGES)
def test_every_page_validates_against_its_model(oura: Oura, collection: str, user: int) -> None:
    kind = "datetime" if COLLECTIONS[collection].kind == "instants" else "date"
    for start, end in SPANS:
        body = oura.page(collection, user, **{f"start_{kind}": start, f"end_{kind}": end}).json()

        assert body["data"], f"{collection} has nothing from {start} to {end}"
        assert_fits(PAGES[collection], body)


@pytest.mark.parametrize("collection", [name for name, row in COLLECTIONS.items() if row.has_documents])
def test_a_single_document_equals_the_listed_one(oura: Oura, collection: str) -> None:
    listed = oura.read(collection, "2026-03-01", "2026-04-14")

    for document in (listed[0], listed[-1]):
        assert oura.document(collection, document["id"]).json() == document


@pytest.mark.parametrize("user", [1, 2, 3])
def test_personal_info_validates_against_its_model(oura: Oura, user: int) -> None:
    assert_fits(models.PersonalInfoResponse, oura.page("personal_info", user).json())


def test_validation_errors_validate_against_their_model(oura: Oura) -> None:
    body = oura.page("sleep", start_date="nonsense").json()

    error = models.HTTPValidationError.from_dict(body)
    assert error is not None
    assert error.detail is not None
    assert len(error.detail) == 2
