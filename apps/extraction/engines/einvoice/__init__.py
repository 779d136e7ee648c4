"""The e-invoice engine: values from the XML that an invoice carries or is, found again on its pages."""

from apps.extraction.engines.einvoice.engine import EInvoiceEngine

__all__ = ["EInvoiceEngine"]
