"""How much one document may ask for."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one operation on one document.

    `memory_bytes` is address space above what the waiting process already has and the file itself. `max_pixels` is the
    largest picture that is decoded.

    `cpu_seconds` is what opening the document may take. A page may take as much and `cpu_seconds_per_page` more; all
    pages of the asked range together `cpu_seconds` and as often `cpu_seconds_per_page`. So a page that goes on for ever
    ends as soon in a long document as alone. The slowest honest pages, photographs read by OCR, take some 13 s.

    The wall clock runs only while the caller waits for the next page. It is for a process that does nothing: one that
    works comes to the end of its CPU time, and how soon depends on what else the machine does, so the wall is far off.
    """

    max_pages: int = 5000
    memory_bytes: int = 1536 * 1024 * 1024
    cpu_seconds: float = 20.0
    cpu_seconds_per_page: float = 10.0
    wall_seconds: float = 300.0
    wall_seconds_per_page: float = 30.0
    max_output_bytes: int = 1024 * 1024 * 1024
    max_pixels: int = 500_000_000
    max_attachment_bytes: int = 16 * 1024 * 1024

    def cpu_seconds_for(self, pages: int) -> float:
        """Return what so many pages may take in all."""
        return self.cpu_seconds + self.cpu_seconds_per_page * pages

    def to_json(self) -> dict[str, int | float]:
        """Return the limits by name, to be sent to another process."""
        return asdict(self)
