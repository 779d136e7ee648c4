"""The shipped profiles, a site's own over them, and what is said of a file that is wrong."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from apps.inference import profiles, tokens
from apps.inference.profiles import PROFILES, ImageRule, ProfilesInvalidError, UnknownProfileError, profile, read

MISTRAL_3 = ImageRule(unit=28, max_side=1540, per_request=128)


def _site(folder: Path, text: str) -> Path:
    file = folder / "models.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_shipped_profiles() -> None:
    facts = {
        one.name: (one.context, one.images, one.tokenizer, one.gpus, one.lora, one.repository)
        for one in read().values()
    }
    assert facts == {
        "small": (131_072, MISTRAL_3, "tekken-v7", 1, False, "mistralai/Mistral-Small-3.1-24B-Instruct-2503"),
        "medium": (131_072, MISTRAL_3, "tekken-v7", 4, False, None),
        "large": (131_072, None, "sentencepiece-v3", 4, True, "mistralai/Mistral-Large-Instruct-2411"),
        "any": (32_768, ImageRule(unit=28, max_side=1540), None, 0, False, None),
    }


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(UnknownProfileError, match="no model profile 'huge'; there are: small, medium, large, any"):
        profile("huge")
    assert list(PROFILES) == ["small", "medium", "large", "any"]


@pytest.mark.parametrize(
    ("name", "day", "cost"),
    [
        ("medium", date(2025, 8, 11), "0"),
        ("medium", date(2025, 8, 12), "0.041"),
        ("medium", date(2030, 1, 1), "0.041"),
        ("large", date(2025, 1, 1), "0.203"),
        ("small", date(2026, 1, 1), "0"),
        ("any", date(2026, 1, 1), "0"),
    ],
)
def test_cost_by_the_day(name: str, day: date, cost: str) -> None:
    assert profile(name).cost(prompt_tokens=100_000, completion_tokens=500, on=day) == Decimal(cost)


def test_every_tokenizer_has_its_counter() -> None:
    counters = {name: type(tokens.counter(one)) for name, one in read().items()}
    assert counters == {
        "small": tokens.TekkenV7Counter,
        "medium": tokens.TekkenV7Counter,
        "large": tokens.SentencePieceV3Counter,
        "any": type(None),
    }


def test_a_site_adds_and_overrides(tmp_path: Path) -> None:
    site = _site(
        tmp_path,
        """
        [small]
        context = 65536
        hardware = "one L40S"
        [small.launch.flags]
        quantization = "fp8"
        chunked-prefill-size = 4096
        [[small.prices]]
        since = 2026-01-01
        prompt = 0.1
        completion = 0.30
        source = "the computing centre"

        [medium]
        [[medium.prices]]
        since = 2025-08-12
        prompt = 0.36
        completion = 1.80
        source = "our contract"
        [[medium.prices]]
        since = 2026-01-01
        prompt = 0.30
        completion = 1.50
        source = "our contract"

        [house]
        title = "A model of our own"
        context = 8192
        licence = "ours"
        hardware = "one GPU"
        """,
    )
    changed = read(site)
    shipped = read()
    assert list(changed) == ["small", "medium", "large", "any", "house"]
    small = changed["small"]
    assert (small.title, small.context, small.hardware) == (shipped["small"].title, 65_536, "one L40S")
    assert small.launch is not None
    assert shipped["small"].launch is not None
    assert small.launch.replicas == 4
    assert small.launch.flags == {**shipped["small"].launch.flags, "quantization": "fp8", "chunked-prefill-size": 4096}
    assert small.cost(prompt_tokens=1_000_000, completion_tokens=1_000_000, on=date(2026, 1, 1)) == Decimal("0.40")
    costs = [
        changed["medium"].cost(prompt_tokens=1_000_000, completion_tokens=0, on=day)
        for day in (date(2025, 8, 11), date(2025, 8, 12), date(2026, 1, 1))
    ]
    assert costs == [Decimal(0), Decimal("0.36"), Decimal("0.30")]
    assert (changed["house"].images, changed["house"].launch, changed["house"].gpus) == (None, None, 0)
    assert changed["large"] == shipped["large"]


def test_the_environment_names_the_sites_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIRE_MODEL_PROFILES", str(_site(tmp_path, "[any]\ncontext = 16384\n")))
    profiles._known.cache_clear()
    try:
        assert profile("any").context == 16_384
    finally:
        monkeypatch.undo()
        profiles._known.cache_clear()
    assert profile("any").context == 32_768


HOUSE = '[house]\ntitle = "t"\ncontext = 8192\nlicence = "l"\nhardware = "h"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[house", "models.toml can't be read: "),
        ("house = 1", "models.toml: house: has to be a table, [house]"),
        ('[house]\ntitle = "t"', "house.context: Field required; house.licence: Field required"),
        (HOUSE + "contex = 1", "house.contex: Unexpected keyword argument"),
        ("[small]\ncontext = 100", "small.context: Input should be greater than or equal to 1024"),
        ('[small]\ncontext = "131072"', "small.context: Input should be a valid integer"),
        ("[small.images]\nunit = 0", "small.images.unit: Input should be greater than or equal to 1"),
        ('[small]\ntokenizer = "tekken"', "small.tokenizer: Input should be 'tekken-v7' or 'sentencepiece-v3'"),
        ("[small.launch.flags]\n--tp-size = 1", "small.launch.flags.--tp-size.[key]: String should match pattern"),
        (HOUSE.replace("[house]", "[House]"), "House.name: String should match pattern"),
        (
            HOUSE + "[[house.prices]]\nsince = 2026-01-01\nprompt = -1\ncompletion = 1\nsource = 's'",
            "house.prices.0.prompt: Input should be greater than or equal to 0",
        ),
        (
            HOUSE + "[[house.prices]]\nsince = '2026-01-01'\nprompt = 1\ncompletion = 1\nsource = 's'",
            "house.prices.0.since: Input should be a valid date",
        ),
        (
            HOUSE
            + "[[house.prices]]\nsince = 2026-01-01\nprompt = 1\ncompletion = 1\nsource = 's'\n"
            + "[[house.prices]]\nsince = 2026-01-01\nprompt = 2\ncompletion = 1\nsource = 's'\n",
            "house.prices: two rows of the same day",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ProfilesInvalidError) as raised:
        read(_site(tmp_path, text))
    assert says in raised.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfilesInvalidError, match=r"nowhere\.toml can't be read"):
        read(tmp_path / "nowhere.toml")
