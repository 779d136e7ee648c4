"""By which name a server is asked for a profile's model: SGLang answers 200 for any name, whatever model it runs."""

from __future__ import annotations

from collections.abc import Sequence

from apps.inference.errors import WrongModelError
from apps.inference.profiles import PROFILES, Profile

MODEL_SETTING = "QUIRE_INFERENCE_MODEL"


def names_of(profile: Profile) -> frozenset[str]:
    """Return the names that say for sure whose model it is: the profile's, and the weights' repository."""
    return frozenset(filter(None, (profile.name, profile.repository)))


def listed_name(
    listed: Sequence[str], *, profile: Profile | None, wanted: str | None = None, setting: str = MODEL_SETTING
) -> str:
    """Return the name of a profile's model among those that a server lists, its adapters left out.

    That is the `wanted` one where the settings name one, the profile's own, or the only one that is listed, unless that
    is another profile's: its price would be another. Without a profile it is the first. Raises WrongModelError;
    `setting` is where a name can be given.
    """
    served = ", ".join(listed) or "nothing"
    if wanted is not None:
        if wanted in listed:
            return wanted
        raise WrongModelError(f"the model server doesn't serve '{wanted}'; it serves: {served}")
    if not listed:
        raise WrongModelError("the model server doesn't serve any model")
    if profile is None:
        return listed[0]
    for name in listed:
        if name in names_of(profile):
            return name
    others = {name: one.name for one in PROFILES.values() for name in names_of(one)}
    if len(listed) > 1:
        raise WrongModelError(
            f"the model server serves {served}, and none of them by the name of the profile '{profile.name}': say by "
            f"{setting} which one it is"
        )
    (only,) = listed
    if only in others:
        raise WrongModelError(
            f"the model server serves '{only}', the model of the profile '{others[only]}', and is asked for "
            f"'{profile.name}': let QUIRE_INFERENCE_PROFILE, or the setting that names the server, say what it serves"
        )
    return only
