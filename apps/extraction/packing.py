"""What of a document goes into one prompt: which pages, and of each its text, its picture, or both.

    for part in pack(pages=pages, profile=profile, pictures={1: (1092, 1540)}):
        ...  # Packed(sheets=..., tokens=...), or TooLong

Nothing here depends on what is asked: the prompts of all questions on a document begin with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from apps.extraction.page_need import Need, doubt, need
from apps.extraction.prompt import SYSTEM, page_words
from apps.extraction.windows import OVERLAP, TooLong, Window, windows
from apps.inference.profiles import ImageRule, Profile
from apps.inference.tokens import TokenCounter, counter, estimated_tokens
from apps.parsing.pages import Page

# What a question with its schema may take of the context, and what a reply is given at first.
QUESTION_TOKENS = 4096
REPLY_TOKENS = 4096
# A list needs room: so much of a long context is kept for what a reply may grow to.
REPLY_SHARE = 8
# A server's memory for pictures isn't counted by its admission: so many go with one request at most.
MAX_PICTURES = 64
# A page's markers, and what the chat template puts around the parts, where they can only be estimated.
PAGE_TOKENS = 48
FRAME_TOKENS = 16


class Form(StrEnum):
    """What of a page a model gets. A page without words goes as a picture between its markers."""

    TEXT = "text"
    IMAGE = "image"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page as it goes along. `tokens` are all that it adds to a prompt in this form; `need` and `doubt` say why."""

    page: Page
    form: Form
    tokens: int
    need: Need
    doubt: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A prompt's pages in order.

    `tokens` are those of the prompt without its question, the system's words and the template's marks included: exact
    under Tekken, never too few under SentencePiece, an estimate where the profile's tokenizer isn't known.
    """

    sheets: tuple[Sheet, ...]
    tokens: int

    @property
    def pages(self) -> tuple[Page, ...]:
        return tuple(sheet.page for sheet in self.sheets)

    @property
    def pictured(self) -> tuple[int, ...]:
        """The numbers of the pages whose pictures go along."""
        return tuple(sheet.page.number for sheet in self.sheets if sheet.form is not Form.TEXT)


def text_tokens(*, text: str, profile: Profile) -> int:
    """Return the tokens of a text, estimated where the profile's tokenizer isn't known."""
    exact = counter(profile)
    return estimated_tokens(text) if exact is None else exact.text(text)


def reply_tokens(profile: Profile) -> int:
    """Return what is kept of a context for the reply."""
    return max(REPLY_TOKENS, profile.context // REPLY_SHARE)


def pack(
    *,
    pages: Iterable[Page],
    profile: Profile,
    pictures: Mapping[int, tuple[int, int]] | None = None,
    system: str = SYSTEM,
) -> Iterator[Packed | TooLong]:
    """Yield a document's prompts: one where it fits, else windows that share a page. Reads pages as it needs them.

    `pictures` are the stored pictures' sizes by page number, in pixels; without it each page is taken to have one of
    its own shape. `system` are the words that come first. A page read by OCR keeps its picture and gives it up only
    where both fit no prompt at all; of the other pages that need one, as many get it as there is room left, the
    neediest first. A page that fits no prompt even as text alone is yielded as TooLong.
    """
    sizer = _Sizer(profile=profile, pictures=pictures, system=system)
    room = profile.context - QUESTION_TOKENS - reply_tokens(profile) - sizer.frame
    held: dict[int, Sheet] = {}

    def sized() -> Iterator[tuple[int, int]]:
        for page in pages:
            sheet = sizer.least(page, room=room)
            held[page.number] = sheet
            yield page.number, sheet.tokens

    def taken(window: Window) -> Packed:
        sheets = [sheet for number, sheet in held.items() if window.first <= number <= window.last]
        for number in [number for number in held if number <= window.last - OVERLAP]:
            del held[number]
        chosen = sizer.filled(sheets, room=room - window.tokens)
        tokens = sizer.frame + sum(sheet.tokens for sheet in chosen)
        return Packed(sheets=chosen, tokens=tokens)

    for window in windows(pages=sized(), room=room, overlap=OVERLAP):
        if isinstance(window, TooLong):
            held.pop(window.page, None)
            yield window
        else:
            # Nothing here may hold on to a window's pages while the next one's are read.
            yield taken(window)


class _Sizer:
    """Knows what each form of a page takes in one profile's prompts."""

    def __init__(self, *, profile: Profile, pictures: Mapping[int, tuple[int, int]] | None, system: str) -> None:
        self._exact = counter(profile)
        self._rule = profile.images
        self._pictures = pictures
        self.frame = _frame(self._exact, system=system)
        self._break = 0 if self._exact is None else _break(self._exact)

    def least(self, page: Page, *, room: int) -> Sheet:
        """Return a page in the form that it can't do without; a scan's picture goes where it leaves no room."""
        text = self._as_text(page)
        if text.need >= Need.SCAN and self._has_picture(page):
            seen = self._with_picture(text)
            if seen.tokens <= room or seen.form is Form.IMAGE:
                return seen
        return text

    def filled(self, sheets: Sequence[Sheet], *, room: int) -> tuple[Sheet, ...]:
        """Give pictures to the pages that gain from one, as far as there is room, and no more than a server takes."""
        chosen = {sheet.page.number: sheet for sheet in sheets}
        left = MAX_PICTURES
        for sheet in sorted(sheets, key=_neediest_first):
            if sheet.form is not Form.TEXT:
                if not left:
                    chosen[sheet.page.number] = self._as_text(sheet.page)
                left -= left > 0
            elif left and sheet.need is not Need.NONE and self._has_picture(sheet.page):
                seen = self._with_picture(sheet)
                if seen.tokens - sheet.tokens <= room:
                    chosen[sheet.page.number] = seen
                    room -= seen.tokens - sheet.tokens
                    left -= 1
        return tuple(chosen[sheet.page.number] for sheet in sheets)

    def _as_text(self, page: Page) -> Sheet:
        words = page_words(page)
        tokens = PAGE_TOKENS + estimated_tokens(page.text) if self._exact is None else self._exact.text(words)
        what = need(page)
        return Sheet(
            page=page,
            form=Form.TEXT,
            tokens=tokens + self._break,
            need=what,
            doubt=doubt(page) if what >= Need.SCAN else 0.0,
        )

    def _with_picture(self, sheet: Sheet) -> Sheet:
        """Return a page with its picture, which stands between its text and the next: there is no break to count."""
        form = Form.IMAGE if sheet.need is Need.ONLY else Form.BOTH
        return replace(sheet, form=form, tokens=sheet.tokens - self._break + self._picture(sheet.page))

    def _has_picture(self, page: Page) -> bool:
        return self._rule is not None and (self._pictures is None or page.number in self._pictures)

    def _picture(self, page: Page) -> int:
        if self._rule is None:
            return 0
        if self._pictures is None:
            width, height = picture_size(page, rule=self._rule)
        else:
            width, height = self._pictures[page.number]
        if self._exact is None:
            return self._rule.tokens(width=width, height=height)
        return self._exact.image(width=width, height=height)


def picture_size(page: Page, *, rule: ImageRule) -> tuple[int, int]:
    """Return the pixels of a picture of a page as parsing renders it: whole units, the longer side the longest."""
    longer = max(page.width, page.height, 1e-6)
    across, down = (
        max(rule.unit, round(side / longer * rule.max_side / rule.unit) * rule.unit)
        for side in (page.width, page.height)
    )
    return across, down


def _neediest_first(sheet: Sheet) -> tuple[int, float, int]:
    return -sheet.need, -sheet.doubt, sheet.page.number


def _frame(exact: TokenCounter | None, *, system: str) -> int:
    """Return the tokens of a prompt of nothing but the system's words."""
    if exact is None:
        return FRAME_TOKENS + estimated_tokens(system)
    return exact.request(({"role": "system", "content": system}, {"role": "user", "content": ""}))


def _break(exact: TokenCounter) -> int:
    """Return what the line breaks between two texts take.

    A text ends with its marker's ">", which the breaks join in Tekken, and nothing else changes: no token of either
    tokenizer reaches over them.
    """
    one, other = "<page 1 0a>", "<page 2 0b>"
    return max(exact.text(f"{one}\n\n{other}") - exact.text(one) - exact.text(other), 0)
