"""Which language a text is in, by its most common small words."""

from __future__ import annotations

_STOP_WORDS = {
    "en": "the of and to in is for that with this be are by or as on not which any from shall its it at has",
    "de": "der die das und von für mit den dem des ist auf nicht eine einer ein im zu wir sie bei nach aus werden zum",
    "fr": "le la les des et du une est pour dans par sur au aux vous nous ce cette qui avec ou ne pas sont votre",
    "es": "el los las del y una es para por con se que su al lo como más este esta sus o pero son entre",
    "it": "il di che e la per una del della dei con non è sono gli al le nel da si alla delle questo ai",
    "nl": "de het een van en is voor met op te dat niet zijn aan door uw wij bij deze ook naar wordt u onze",
    "pt": "o os as do da dos das e uma é para por com se que não no na ao em são pela seu sua mais",
    "pl": "i w na z do się nie że od za po przez oraz jest dla są lub ze przy jako o tym być",
}
_LANGUAGES: dict[str, list[str]] = {}
for _language, _words in _STOP_WORDS.items():
    for _word in _words.split():
        _LANGUAGES.setdefault(_word, []).append(_language)
_MINIMUM = 4
_LEAD = 1.2
_MAX_WORDS = 1000
_STRIPPED = ".,;:!?()[]\"'»«"


def guess(text: str) -> str | None:
    """Return the ISO 639-1 code of en, de, fr, es, it, nl, pt or pl, or None where no language stands out.

    A language must show at least four of its small words, and a fifth more than the next.
    """
    scores = dict.fromkeys(_STOP_WORDS, 0)
    for word in text.split()[:_MAX_WORDS]:
        for language in _LANGUAGES.get(word.strip(_STRIPPED).lower(), ()):
            scores[language] += 1
    best, second = sorted(scores, key=lambda language: scores[language], reverse=True)[:2]
    return best if scores[best] >= _MINIMUM and scores[best] >= scores[second] * _LEAD else None
