"""The layout engine: values from what a page shows, by labels, shapes, places and arithmetic, without a model."""

from apps.extraction.engines.layout.engine import LayoutEngine

__all__ = ["LayoutEngine"]
