"""A server for each profile, as the environment names them."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from apps.config.environment import Environment
from apps.config.model_servers import House, ModelServersInvalidError, read
from apps.inference.servers import ModelServer

SETTINGS = {"database_url": SecretStr("postgresql://a@127.0.0.1/b"), "secret_key": SecretStr("s")}
KNOWN = "there is no such model profile; there are: small, medium, large, any"
MEDIUM = ModelServer(
    profile="medium", url="http://10.0.0.2:30000/v1", api_key="hunter2", model="mistral", suffix="_MEDIUM"
)
NAMED = {
    "QUIRE_INFERENCE_URL_MEDIUM": "http://10.0.0.2:30000/v1",
    "QUIRE_INFERENCE_API_KEY_MEDIUM": "hunter2",
    "QUIRE_INFERENCE_MODEL_MEDIUM": "mistral",
}


def _read(variables: dict[str, str], **settings: object) -> House:
    return read(variables, Environment.model_validate(SETTINGS | settings))


def test_a_profiles_own_settings_make_a_server_of_its_own() -> None:
    url = SecretStr("http://10.0.0.1:30000")
    assert _read(NAMED, inference_url=url) == House(profile="small", servers={"medium": MEDIUM})
    assert "hunter2" not in repr(MEDIUM)


def test_without_any_the_house_is_as_it_was() -> None:
    assert _read({"QUIRE_INFERENCE_URL_MEDIUM": ""}) == House(profile="small", servers={})


def test_the_only_server_is_the_houses_own() -> None:
    assert _read(NAMED).profile == "medium"
    assert _read(NAMED, inference_profile="small").profile == "small"
    assert _read({**NAMED, "QUIRE_INFERENCE_URL_SMALL": "http://10.0.0.1:1"}).profile == "small"


@pytest.mark.parametrize(
    ("variables", "settings", "lines"),
    [
        ({"QUIRE_INFERENCE_URL_HUGE": "http://10.0.0.1:1"}, {}, [f"QUIRE_INFERENCE_URL_HUGE: {KNOWN}"]),
        ({"QUIRE_INFERENCE_URL_MEDIUM": "hunter2"}, {},
         ["QUIRE_INFERENCE_URL_MEDIUM: must be a URL that begins with http:// or https://"]),
        ({"QUIRE_INFERENCE_API_KEY_MEDIUM": "hunter2", "QUIRE_INFERENCE_MODEL_LARGE": "hunter2"}, {},
         ["QUIRE_INFERENCE_API_KEY_MEDIUM: is of no use without QUIRE_INFERENCE_URL_MEDIUM",
          "QUIRE_INFERENCE_MODEL_LARGE: is of no use without QUIRE_INFERENCE_URL_LARGE"]),
        ({"QUIRE_INFERENCE_URL_MEDIUM": "http://a:1", "QUIRE_INFERENCE_URL_LARGE": "http://b:1"}, {},
         ["QUIRE_INFERENCE_PROFILE: is not set: name the house's own, of medium, large"]),
        ({}, {"inference_url": SecretStr("http://a:1"), "inference_model": "medium"},
         ["QUIRE_INFERENCE_PROFILE: is not set, and QUIRE_INFERENCE_MODEL is the name of another profile than "
          "'small'"]),
    ],
)  # fmt: skip
def test_a_wrong_one_is_named_without_its_value(
    variables: dict[str, str], settings: dict[str, object], lines: list[str]
) -> None:
    with pytest.raises(ModelServersInvalidError) as raised:
        _read(variables, **settings)
    assert raised.value.lines == lines
    assert "hunter2" not in str(raised.value)
