"""By which of the names that a server lists it is asked for a profile's model."""

from __future__ import annotations

import pytest

from apps.inference.errors import WrongModelError
from apps.inference.naming import listed_name
from apps.inference.profiles import profile

LARGE = "mistralai/Mistral-Large-Instruct-2411"
NOT_SMALL = (
    "and is asked for 'small': let QUIRE_INFERENCE_PROFILE, or the setting that names the server, say what it serves"
)


@pytest.mark.parametrize(
    ("listed", "name", "wanted", "found"),
    [
        (["tiny"], "small", None, "tiny"),
        (["medium"], "medium", None, "medium"),
        (["other", "small", "medium"], "small", None, "small"),
        (["other", LARGE], "large", None, LARGE),
        (["other", "medium"], "small", "other", "other"),
        # Whoever names a model says whose it is.
        (["medium"], "small", "medium", "medium"),
    ],
)
def test_the_profiles_own_name_goes_before_the_only_one(
    listed: list[str], name: str, wanted: str | None, found: str
) -> None:
    assert listed_name(listed, profile=profile(name), wanted=wanted) == found


@pytest.mark.parametrize(
    ("listed", "name", "wanted", "why"),
    [
        (["medium"], "small", None,
         f"the model server serves 'medium', the model of the profile 'medium', {NOT_SMALL}"),
        ([LARGE], "small", None, f"the model server serves '{LARGE}', the model of the profile 'large', {NOT_SMALL}"),
        (["a", "b"], "small", None, "the model server serves a, b, and none of them by the name of the profile "
         "'small': say by QUIRE_INFERENCE_MODEL_SMALL which one it is"),
        (["a", "small"], "small", "b", "the model server doesn't serve 'b'; it serves: a, small"),
        ([], "small", "b", "the model server doesn't serve 'b'; it serves: nothing"),
        ([], "small", None, "the model server doesn't serve any model"),
    ],
)  # fmt: skip
def test_another_models_answers_are_never_taken_for_the_profiles(
    listed: list[str], name: str, wanted: str | None, why: str
) -> None:
    with pytest.raises(WrongModelError) as raised:
        listed_name(listed, profile=profile(name), wanted=wanted, setting="QUIRE_INFERENCE_MODEL_SMALL")
    assert raised.value.message == why
