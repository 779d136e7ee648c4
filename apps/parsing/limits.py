"""How much one document may ask for."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one operation on one document.

    `memory_bytes` is address space above what the waiting process already has and the file itself. `cpu_seconds` and
    `wall_seconds` have an allowance for every page of the asked range beside them: OCR takes seconds a page. The wall
    clock runs only while the caller waits for the next page. `max_pixels` is the largest picture that is decoded.
    """

    max_pages: int = 5000
    memory_bytes: int = 1536 * 1024 * 1024
    cpu_seconds: float = 60.0
    cpu_seconds_per_page: float = 10.0
    wall_seconds: float = 120.0
    wall_seconds_per_page: float = 30.0
    max_output_bytes: int = 1024 * 1024 * 1024
    max_pixels: int = 500_000_000
    max_attachment_bytes: int = 16 * 1024 * 1024

    def to_json(self) -> dict[str, int | float]:
        """Return the limits by name, to be sent to another process."""
        return asdict(self)
