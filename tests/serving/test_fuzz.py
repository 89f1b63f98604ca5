"""Whatever is sent, the service answers, and with no error of its own."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

import photos
from services import Service

_JPEG = photos.encode(photos.crop(48, 64), "JPEG")
_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


def test_every_operation_of_its_own_description(service: Service) -> None:
    description = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    seen = 0
    for operation in description.get_all_operations():
        seen += 1
        assert isinstance(operation, Ok)
        found = operation.ok()

        @given(case=found.as_strategy())
        @settings(
            max_examples=15, deadline=None, derandomize=True, suppress_health_check=_QUIET, database=None
        )
        def ask(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(checks=checks)

        ask()
    assert seen >= 9


@given(start=st.integers(0, len(_JPEG)), junk=st.binary(max_size=60), name=st.text(max_size=30))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=_QUIET)
def test_damaged_photographs_end_in_words(service: Service, start: int, junk: bytes, name: str) -> None:
    content = _JPEG[:start] + junk + _JPEG[start + len(junk) :]
    (taken,) = service.send((f"x{name}", content))
    found = service.ended(taken["id"])
    assert found["status"] == "done" or found["error"]
    assert "Tamperscope failed" not in (found["error"] or "")
    assert service.client.get(f"/analyses/{taken['id']}").status_code == 200
