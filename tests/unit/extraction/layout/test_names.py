from __future__ import annotations

from dataclasses import replace

import pytest

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.parsing.pages import Box, ParsedDocument, TextSource
from apps.schemas.definitions import shipped_schemas
from tests.factories.pages import document, page

INVOICE = shipped_schemas()["invoice"]


def parties(drawing: str) -> tuple[str | None, str | None]:
    request = ExtractionRequest(
        document=document(drawing), schema=INVOICE, wanted=frozenset({"seller_name", "buyer_name"})
    )
    values = {value.path: value.value for value in LayoutEngine().extract(request).values}
    return values.get("/seller_name"), values.get("/buyer_name")


def test_a_sender_line_names_the_seller_and_the_window_below_it_the_buyer() -> None:
    assert parties(
        """


        Beispiel & Partner OHG · Ringstr. 3 · 50667 Köln
        Frau
        Anna Beck
        Lindenweg 8
        50935 Köln
        """
    ) == ("Beispiel & Partner OHG", "Anna Beck")


def test_headings_lead_to_the_line_called_name() -> None:
    assert parties(
        """
        Verkäufer
        Nummer:           549910
        Name:             Lieferant GmbH
        Anschrift:        Lieferantenstraße 20
                          80333 München

        Käufer
        Nummer:           GE2020211
        Name:             Kunden AG Mitte
        Anschrift:        Kundenstraße 15
                          69876 Frankfurt
        """
    ) == ("Lieferant GmbH", "Kunden AG Mitte")


def test_headings_side_by_side_have_a_column_each() -> None:
    assert parties(
        """
        Lieferant                          Käufer
        GLN 4333741000005                  GLN 4304171000002
        MUSTERLIEFERANT GMBH               MUSTER-KUNDE GMBH
        BAHNHOFSTRASSE 99                  KUNDENWEG 88
        99199 MUSTERHAUSEN                 40235 DUESSELDORF
        """
    ) == ("MUSTERLIEFERANT GMBH", "MUSTER-KUNDE GMBH")


def test_a_known_buyer_leaves_the_other_address_to_the_seller() -> None:
    assert parties(
        """
        Acme Software, Inc.                        Bill to
        548 Market Street                          Globex Corporation
        San Francisco, CA 94104                    742 Evergreen Terrace
        United States                              Springfield, IL 62704
        """
    ) == ("Acme Software, Inc.", "Globex Corporation")


def test_the_account_holder_in_the_footer_is_not_preferred_to_the_letterhead() -> None:
    footer = "\n" * 50
    seller, buyer = parties(
        f"""
        Bei Spiel GmbH, Ecke 12, 12345 Stadthausen

        Theodor Est
        Bahnstr. 42
        88802 Spielkreis
        {footer}
        Account holder: Max Mustermann
        """
    )
    assert (seller, buyer) == ("Bei Spiel GmbH", "Theodor Est")


@pytest.mark.parametrize("label", ["To:", "Bill to", "Invoice address:", "Client", "Rechnung an:"])
def test_the_line_under_a_label_is_the_buyer(label: str) -> None:
    drawing = f"""
        {label}
        Harbor Magazine
        2 Pier Road
        Portland, ME 04101
        """
    assert parties(drawing)[1] == "Harbor Magazine"


def test_no_name_where_there_is_none() -> None:
    assert parties("Total 12.00\nThank you") == (None, None)


@pytest.mark.parametrize("heading", ["PAYMENT ADVICE", "Remittance slip", "Talon de paiement", "Einzahlungsschein"])
def test_a_payment_slip_goes_to_the_seller(heading: str) -> None:
    below = "\n" * 30
    assert parties(
        f"""
        INVOICE                                            Orange Works
                                                           23 Main Street
               Bayside Trading                             Marineville, NY 12123
        {below}
        {heading}                                          Customer         Bayside Trading
        To:
        Orange Works
        23 Main Street
        Marineville, NY 12123
        """
    ) == ("Orange Works", "Bayside Trading")


def test_what_a_bare_to_names_is_less_than_what_a_full_label_names_above_it() -> None:
    drawing = """
        Customer                         Globex Corporation

        To:
        North Harbour Storage
        """
    assert parties(drawing)[1] == "Globex Corporation"


def test_a_letter_s_to_is_the_buyer_whatever_a_label_in_the_footer_says() -> None:
    below = "\n" * 50
    drawing = f"""
        To:
        North Harbour Storage
        {below}
        Customer                         Globex Corporation
        """
    assert parties(drawing)[1] == "North Harbour Storage"


def test_a_scan_s_dashes_stand_in_the_row_of_their_words() -> None:
    drawn = page("Moulin de la Crau - 12 chemin des Oliviers - 84340 Malaucène - France", source=TextSource.OCR)
    # Recognition draws a box around each dash's ink, a little below the middle of the letters.
    words = tuple(
        replace(word, box=Box(word.box.x0, word.box.y0 + 0.0065, word.box.x1, word.box.y0 + 0.0075))
        if word.text == "-"
        else word
        for word in drawn.words
    )
    request = ExtractionRequest(
        document=ParsedDocument(pages=(replace(drawn, words=words),)), schema=INVOICE, wanted=frozenset({"seller_name"})
    )
    (seller,) = LayoutEngine().extract(request).values
    assert (seller.value, seller.evidence[0].quote) == ("Moulin de la Crau", "Moulin de la Crau")
