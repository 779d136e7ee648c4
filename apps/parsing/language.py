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
_WORDS = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}
_MINIMUM = 4
_MAX_WORDS = 3000
_STRIPPED = ".,;:!?()[]\"'»«"


def guess(text: str) -> str | None:
    """Return the ISO 639-1 code of en, de, fr, es, it, nl, pt or pl, or None where no language stands out.

    A language must show at least four of its small words, and a fifth more than the next.
    """
    words = [word.strip(_STRIPPED).lower() for word in text.split()[:_MAX_WORDS]]
    scores = sorted(
        ((sum(word in known for word in words), language) for language, known in _WORDS.items()), reverse=True
    )
    (best, language), (second, _) = scores[0], scores[1]
    return language if best >= _MINIMUM and best >= second * 1.2 else None
