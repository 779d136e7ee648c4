"""Invoices of the layouts that one meets, drawn by hand, each with the values that it states."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A drawing for `tests.factories.pages` and its values: single fields, and the line items' cells in order."""

    name: str
    drawing: str
    fields: dict[str, str]
    items: tuple[tuple[str, str, str, str], ...]


INVOICES = (
    Invoice(
        name="american-software",
        drawing="""
Invoice

Invoice number 8C7F2A10-0003
Date of issue March 4, 2024
Date due March 18, 2024

Acme Software, Inc.                        Bill to
548 Market Street                          Globex Corporation
San Francisco, CA 94104                    742 Evergreen Terrace
United States                              Springfield, IL 62704
billing@acme.dev                           United States

$1,250.00 USD due March 18, 2024

Description                                     Qty         Unit price         Amount
Pro plan                                          5            $200.00      $1,000.00
Mar 4 - Apr 4, 2024
Support add-on                                    1            $250.00        $250.00

                                                Subtotal                    $1,250.00
                                                Total                       $1,250.00
                                                Amount due              $1,250.00 USD
""",
        fields={
            "invoice_number": "8C7F2A10-0003",
            "issue_date": "2024-03-04",
            "due_date": "2024-03-18",
            "seller_name": "Acme Software, Inc.",
            "buyer_name": "Globex Corporation",
            "currency": "USD",
            "gross_total": "1250.00",
            "net_total": "1250.00",
        },
        items=(("Pro plan Mar 4 - Apr 4, 2024", "5", "200.00", "1000.00"), ("Support add-on", "1", "250.00", "250.00")),
    ),
    Invoice(
        name="german-letter",
        drawing="""
Muster & Söhne Maschinenbau GmbH
Werkzeuge - Anlagen - Service


Muster & Söhne GmbH · Industriestr. 7 · 70565 Stuttgart
Beispiel AG                                                       Telefon: 0711 123456
Einkauf                                                           Telefax: 0711 123457
Hauptstraße 12                                                    Mail: info@muster.example
10115 Berlin
                                                                  Kunden-Nr.: 10023
                                                                  Bearbeiter: H. Klein
                                                                  Stuttgart, 14.02.2023

Rechnung Nr. 2023-0815

Sehr geehrte Damen und Herren,
für unsere Lieferungen und Leistungen erlauben wir uns zu berechnen:

Pos.   Bezeichnung                               Menge   Einheit      Einzelpreis      Gesamtpreis
1      Hydraulikpumpe HP 200                         2   Stk.            450,00 €         900,00 €
2      Montage vor Ort                            3,50   Std.             80,00 €         280,00 €
       inkl. Anfahrt
3      Kleinmaterial                                 1   psch.            20,00 €          20,00 €

                                                 Zwischensumme                          1.200,00 €
                                                 zzgl. 19 % MwSt.                         228,00 €
                                                 Rechnungsbetrag                        1.428,00 €

Zahlbar bis 28.02.2023 ohne Abzug.



Muster & Söhne GmbH            Volksbank Stuttgart                   Amtsgericht Stuttgart HRB 12345
Industriestr. 7                IBAN DE89 3704 0044 0532 0130 00      USt-IdNr. DE136695976
70565 Stuttgart                BIC COBADEFFXXX                       Geschäftsführer: Karl Muster
""",
        fields={
            "invoice_number": "2023-0815",
            "issue_date": "2023-02-14",
            "due_date": "2023-02-28",
            "seller_name": "Muster & Söhne GmbH",
            "buyer_name": "Beispiel AG",
            "currency": "EUR",
            "net_total": "1200.00",
            "tax_total": "228.00",
            "gross_total": "1428.00",
            "seller_vat_id": "DE136695976",
        },
        items=(
            ("Hydraulikpumpe HP 200", "2", "450.00", "900.00"),
            ("Montage vor Ort inkl. Anfahrt", "3.50", "80.00", "280.00"),
            ("Kleinmaterial", "1", "20.00", "20.00"),
        ),
    ),
    Invoice(
        name="british",
        drawing="""
                                                                    TAX INVOICE
Northwind Traders Ltd
Unit 4, Harbour Park                                 Invoice No:   INV-20417
Bristol                                              Invoice Date: 03/11/2022
BS1 4DJ                                              Due Date:     03/12/2022
VAT Reg No: GB 980 7806 84                           Your Ref:     PO 88123

Invoice To:                                          Deliver To:
Contoso Retail Limited                               Contoso Warehouse
88 King Street                                       Dock 3
Manchester                                           Salford
M2 4WQ                                               M5 3EZ

Qty    Product Code    Description                        Unit Price    VAT %       Net
10     NW-100          Oak shelf 120cm                         24.50     20.0      245.00
4      NW-220          Wall bracket, steel                      3.25     20.0       13.00
1      DEL             Delivery charge                         12.00     20.0       12.00

                                                              Net Total:         £270.00
                                                              VAT Total:          £54.00
                                                              Total Due:         £324.00

Please pay by BACS: Sort code 20-00-00 Account 12345678
Registered in England no. 01234567
""",
        fields={
            "invoice_number": "INV-20417",
            "issue_date": "2022-11-03",
            "due_date": "2022-12-03",
            "seller_name": "Northwind Traders Ltd",
            "buyer_name": "Contoso Retail Limited",
            "currency": "GBP",
            "net_total": "270.00",
            "tax_total": "54.00",
            "gross_total": "324.00",
            "seller_vat_id": "GB980780684",
        },
        items=(
            ("Oak shelf 120cm", "10", "24.50", "245.00"),
            ("Wall bracket, steel", "4", "3.25", "13.00"),
            ("Delivery charge", "1", "12.00", "12.00"),
        ),
    ),
    Invoice(
        name="french",
        drawing="""
SARL Dupont Menuiserie                                          FACTURE
12 rue des Lilas
69003 LYON                                                      N° : F-2021-118
Tél : 04 72 00 00 00                                            Date : 15/06/2021
SIRET 123 456 789 00012                                         Client : C0042
TVA intracom : FR 40 303265045

                                                                SCI Les Tilleuls
                                                                45 avenue Foch
                                                                69006 LYON

Désignation                                      Qté       P.U. HT       TVA      Montant HT
Fenêtre double vitrage 120x100                     4        310,00       10%        1 240,00
Pose et finitions                                  8         45,00       10%          360,00

                                                          Total HT                  1 600,00 €
                                                          TVA 10%                     160,00 €
                                                          Total TTC                 1 760,00 €
                                                          Net à payer               1 760,00 €

Date d'échéance : 15/07/2021
SARL Dupont Menuiserie au capital de 8 000 € - RCS Lyon 123 456 789
""",
        fields={
            "invoice_number": "F-2021-118",
            "issue_date": "2021-06-15",
            "due_date": "2021-07-15",
            "seller_name": "SARL Dupont Menuiserie",
            "buyer_name": "SCI Les Tilleuls",
            "currency": "EUR",
            "net_total": "1600.00",
            "tax_total": "160.00",
            "gross_total": "1760.00",
            "seller_vat_id": "FR40303265045",
        },
        items=(
            ("Fenêtre double vitrage 120x100", "4", "310.00", "1240.00"),
            ("Pose et finitions", "8", "45.00", "360.00"),
        ),
    ),
    Invoice(
        name="spanish",
        drawing="""
FACTURA

Número:   2022/045                                   Fecha: 20/05/2022
                                                     Vencimiento: 19/06/2022

EMISOR                                               CLIENTE
María García López                                   Construcciones Norte S.L.
NIF: 12345678Z                                       CIF: B12345674
C/ Mayor 15, 2º B                                    Avda. de la Industria 3
28013 Madrid                                         48001 Bilbao

Concepto                                  Cantidad        Precio            Importe
Diseño de página web                             1      1.500,00           1.500,00
Mantenimiento mensual                            3        120,00             360,00

                                          Base imponible               1.860,00 €
                                          IVA 21%                        390,60 €
                                          IRPF -15%                     -279,00 €
                                          Total a pagar                1.971,60 €

Forma de pago: transferencia a ES91 2100 0418 4502 0005 1332
""",
        fields={
            "invoice_number": "2022/045",
            "issue_date": "2022-05-20",
            "due_date": "2022-06-19",
            "seller_name": "María García López",
            "buyer_name": "Construcciones Norte S.L.",
            "currency": "EUR",
            "net_total": "1860.00",
            "tax_total": "390.60",
            "gross_total": "1971.60",
            "seller_vat_id": "12345678Z",
            "buyer_vat_id": "B12345674",
        },
        items=(("Diseño de página web", "1", "1500.00", "1500.00"), ("Mantenimiento mensual", "3", "120.00", "360.00")),
    ),
    Invoice(
        name="italian",
        drawing="""
Rossi Impianti S.r.l.                                           Spett.le
Via Garibaldi 22                                                Hotel Bellavista S.p.A.
20121 Milano (MI)                                               Corso Italia 101
P.IVA 12345670017                                               50123 Firenze (FI)
                                                                P.IVA 00743110157
Fattura n. 87/2020 del 10/09/2020

Descrizione                                  Q.tà      Prezzo unit.     IVA        Importo
Manutenzione caldaia                            1            350,00     22%         350,00
Sostituzione valvola                            2             75,00     22%         150,00

                                                  Totale imponibile            500,00 €
                                                  Totale IVA                   110,00 €
                                                  Totale fattura               610,00 €

Scadenza: 10/10/2020   Modalità di pagamento: bonifico bancario
IBAN IT60X0542811101000000123456
""",
        fields={
            "invoice_number": "87/2020",
            "issue_date": "2020-09-10",
            "due_date": "2020-10-10",
            "seller_name": "Rossi Impianti S.r.l.",
            "buyer_name": "Hotel Bellavista S.p.A.",
            "currency": "EUR",
            "net_total": "500.00",
            "tax_total": "110.00",
            "gross_total": "610.00",
            "seller_vat_id": "12345670017",
            "buyer_vat_id": "00743110157",
        },
        items=(("Manutenzione caldaia", "1", "350.00", "350.00"), ("Sostituzione valvola", "2", "75.00", "150.00")),
    ),
    Invoice(
        name="swiss",
        drawing="""
Alpen IT AG, Bahnhofstrasse 1, 8001 Zürich

                                                          Herr
                                                          Peter Keller
                                                          Seeweg 4
                                                          6003 Luzern


Rechnung 10457                                            Zürich, 5. Januar 2024

Zahlbar innert 30 Tagen                                   MWST-Nr. CHE-123.456.788 MWST

Beschreibung                                  Anzahl        Ansatz         Betrag CHF
Beratung Netzwerk                               12.5        160.00           2'000.00
Spesen pauschal                                    1         85.50              85.50

Total exkl. MWST                                                             2'085.50
MWST 8.1%                                                                      168.93
Total inkl. MWST                                                             2'254.43
""",
        fields={
            "invoice_number": "10457",
            "issue_date": "2024-01-05",
            "seller_name": "Alpen IT AG",
            "buyer_name": "Peter Keller",
            "currency": "CHF",
            "net_total": "2085.50",
            "tax_total": "168.93",
            "gross_total": "2254.43",
            "seller_vat_id": "CHE123456788",
        },
        items=(("Beratung Netzwerk", "12.5", "160.00", "2000.00"), ("Spesen pauschal", "1", "85.50", "85.50")),
    ),
    Invoice(
        name="american-freelancer",
        drawing="""
INVOICE                                                            #1042

Jane Doe Photography
19 Ocean Ave, Apt 3
Portland, ME 04101

BILL TO                         SHIP TO                            INVOICE DATE   04/03/2023
Harbor Magazine                 Harbor Magazine                    P.O.#          7781
Attn: Accounts Payable          2 Pier Road                        DUE DATE       05/03/2023
2 Pier Road                     Portland, ME 04101
Portland, ME 04101

QTY      DESCRIPTION                                      UNIT PRICE             AMOUNT
 1       Half day shoot                                       600.00             600.00
 12      Retouched images                                      25.00             300.00

                                                          Subtotal               900.00
                                                          Sales Tax 5.5%          49.50
                                                          TOTAL                 $949.50
""",
        fields={
            "invoice_number": "1042",
            "issue_date": "2023-04-03",
            "due_date": "2023-05-03",
            "seller_name": "Jane Doe Photography",
            "buyer_name": "Harbor Magazine",
            "currency": "USD",
            "net_total": "900.00",
            "tax_total": "49.50",
            "gross_total": "949.50",
        },
        items=(("Half day shoot", "1", "600.00", "600.00"), ("Retouched images", "12", "25.00", "300.00")),
    ),
    Invoice(
        name="german-labels-in-a-row",
        drawing="""
                         Elektro Blitz e.K.
                Inh. Max Strom · Amperegasse 5 · 90402 Nürnberg


Frau
Erika Mustermann
Lindenallee 8
91052 Erlangen


Rechnungsnummer        Kundennummer        Datum            Leistungszeitraum
RE-7741                K-1209              07.08.2022       01.07.2022 - 31.07.2022

Leistung                              Anzahl     Einzelpreis       Betrag
Installation Wallbox                     1,00        850,00        850,00
Kabel NYM 5x6 (m)                       25,00          6,80        170,00

Nettobetrag        MwSt 19 %        Bruttobetrag
1.020,00 EUR       193,80 EUR       1.213,80 EUR

Bitte überweisen Sie den Betrag bis zum 21.08.2022 auf unser Konto DE12 5001 0517 0648 4898 90.
Steuernummer 218/123/45678
""",
        fields={
            "invoice_number": "RE-7741",
            "issue_date": "2022-08-07",
            "seller_name": "Elektro Blitz e.K.",
            "buyer_name": "Erika Mustermann",
            "currency": "EUR",
            "net_total": "1020.00",
            "tax_total": "193.80",
            "gross_total": "1213.80",
        },
        items=(("Installation Wallbox", "1.00", "850.00", "850.00"), ("Kabel NYM 5x6 (m)", "25.00", "6.80", "170.00")),
    ),
    Invoice(
        name="german-hosting",
        drawing="""
CloudHost Online GmbH
Datenweg 3
91710 Gunzenhausen

Firma                                                     Kundennummer:     K0734512
Tech Ventures UG (haftungsbeschränkt)                     Rechnungsnummer:  R0021873456
Startupstr. 99                                            Rechnungsdatum:   02.12.2021
80331 München

Rechnung

Produkt                                     Zeitraum                  Menge   Preis (netto)   Summe (netto)
Dedicated Server EX42                       01.11.21 - 30.11.21           1         34,0000         34,00 €
Backup Space 100GB                          01.11.21 - 30.11.21           2          3,3500          6,70 €

Summe (netto)                                                                                      40,70 €
19 % USt.                                                                                           7,73 €
Rechnungsbetrag                                                                                    48,43 €

Der Rechnungsbetrag wird am 09.12.2021 von Ihrem Konto abgebucht.
Seite 1/1     CloudHost Online GmbH, Datenweg 3, 91710 Gunzenhausen, USt-IdNr. DE812871812
""",
        fields={
            "invoice_number": "R0021873456",
            "issue_date": "2021-12-02",
            "seller_name": "CloudHost Online GmbH",
            "buyer_name": "Tech Ventures UG (haftungsbeschränkt)",
            "currency": "EUR",
            "net_total": "40.70",
            "tax_total": "7.73",
            "gross_total": "48.43",
            "seller_vat_id": "DE812871812",
        },
        items=(("Dedicated Server EX42", "1", "34.0000", "34.00"), ("Backup Space 100GB", "2", "3.3500", "6.70")),
    ),
    Invoice(
        name="marketplace",
        drawing="""
Invoice
Sold by EU Goods S.à r.l.
VAT # LU20260743
                                                     Payment reference:  304-7123
                                                     Invoice date / Delivery date 16 January 2020
                                                     Invoice # LU-INV-2020-5512
                                                     Total payable £35.97

MR JOHN SMITH
1 HIGH STREET
OXFORD, OX1 4AA
GB

Billing address            Delivery address          Sold by
John Smith                 John Smith                EU Goods S.à r.l.
1 High Street              1 High Street             38 avenue John F. Kennedy
Oxford, OX1 4AA            Oxford, OX1 4AA           L-1855 Luxembourg

Order date 14 January 2020
Order # 026-1234567-1234567

Description                              Qty     Unit price      VAT rate     Unit price      Item subtotal
                                                 (excl. VAT)                  (incl. VAT)     (incl. VAT)
USB-C Cable 2m                             3          £9.99          20%          £11.99           £35.97

                                                                     Invoice total               £35.97

                               VAT rate         Item subtotal      VAT subtotal
                                                (excl. VAT)
                               20%              £29.97             £6.00
                               Total            £29.97             £6.00
""",
        fields={
            "invoice_number": "LU-INV-2020-5512",
            "issue_date": "2020-01-16",
            "seller_name": "EU Goods S.à r.l.",
            "buyer_name": "John Smith",
            "currency": "GBP",
            "net_total": "29.97",
            "tax_total": "6.00",
            "gross_total": "35.97",
            "seller_vat_id": "LU20260743",
        },
        items=(("USB-C Cable 2m", "3", "11.99", "35.97"),),
    ),
    Invoice(
        name="austrian-hotel",
        drawing="""
                           HOTEL POST ****
             Familie Huber · Dorfplatz 1 · A-6370 Kitzbühel
        Tel. +43 5356 12345 · office@hotelpost.example · UID: ATU12345675

Firma Beispiel GmbH
z.H. Frau Wagner
Ringstraße 5
1010 Wien

RECHNUNG                                               Nr. 4417 / 2019
Anreise: 03.03.2019   Abreise: 05.03.2019              Kitzbühel, am 05.03.2019

Datum        Leistung                          Anzahl        Preis       Gesamt
03.03.2019   Übernachtung mit Frühstück             2       110,00       220,00
05.03.2019   Ortstaxe                               2         2,00         4,00

             Gesamtbetrag EUR                                             224,00
             enthaltene MwSt 10 %                                          20,36
             Netto                                                        203,64
""",
        fields={
            "invoice_number": "4417",
            "issue_date": "2019-03-05",
            "buyer_name": "Beispiel GmbH",
            "currency": "EUR",
            "net_total": "203.64",
            "tax_total": "20.36",
            "gross_total": "224.00",
            "seller_vat_id": "ATU12345675",
            "seller_name": "HOTEL POST",
        },
        items=(("Übernachtung mit Frühstück", "2", "110.00", "220.00"), ("Ortstaxe", "2", "2.00", "4.00")),
    ),
    Invoice(
        name="german-several-rates",
        drawing="""
                                                                                   Bei Spiel GmbH
                                                                                   Ecke 12
    Bei Spiel GmbH, Ecke 12, 12345 Stadthausen                                     12345 Stadthausen
    Theodor Est                                                                    Tel. (0555) 23 78 - 0
    Bahnstr. 42
    88802 Spielkreis                                                               HRA 12345

                                                                                   05.09.2017
    Kunde 2
    Rechnung  RE-20170509/505

    Unsere Lieferung vom 07.09.2017 stellen wir Ihnen wie folgt in Rechnung.

    Menge      Artikel                               USt         Preis          Gesamt
    1          Künstlerische Gestaltung (Stunde)      7%         160,00 €        160,00 €
    400        Luftballon: Bunt, ca. 500ml           19%           0,79 €        316,00 €

    Nettosumme                                                                   476,00 €
    7% Umsatzsteuer auf 160,00 €                                                  11,20 €
    19% Umsatzsteuer auf 316,00 €                                                 60,04 €
    Gesamtsumme                                                                  547,24 €

    Bitte zahlen Sie bis zum 26.09.2017.
    USt-ID: DE136695976   IBAN DE88 2008 0000 0970 3757 00   BIC COBADEFFXXX
""",
        fields={
            "invoice_number": "RE-20170509/505",
            "issue_date": "2017-09-05",
            "due_date": "2017-09-26",
            "seller_name": "Bei Spiel GmbH",
            "buyer_name": "Theodor Est",
            "currency": "EUR",
            "net_total": "476.00",
            "tax_total": "71.24",
            "gross_total": "547.24",
            "seller_vat_id": "DE136695976",
        },
        items=(
            ("Künstlerische Gestaltung (Stunde)", "1", "160.00", "160.00"),
            ("Luftballon: Bunt, ca. 500ml", "400", "0.79", "316.00"),
        ),
    ),
    Invoice(
        name="german-without-tax",
        drawing="""
Petra Pinsel
Malerin
Farbweg 2, 50667 Köln
petra@pinsel.example

Galerie am Dom
Domplatz 1
50667 Köln

Rechnung                                    Rechnungsnummer: 12/2021
                                            Datum: 03.05.2021

Menge     Beschreibung                                      Betrag
1         Wandbild 2 x 3 m                                  800,00 EUR
1         Anfahrt                                            50,00 EUR

          Gesamtbetrag                                      850,00 EUR

Gemäß § 19 UStG wird keine Umsatzsteuer berechnet.
Zahlbar sofort ohne Abzug.
""",
        fields={
            "invoice_number": "12/2021",
            "issue_date": "2021-05-03",
            "seller_name": "Petra Pinsel",
            "buyer_name": "Galerie am Dom",
            "currency": "EUR",
            "gross_total": "850.00",
        },
        items=(("Wandbild 2 x 3 m", "1", "", "800.00"), ("Anfahrt", "1", "", "50.00")),
    ),
    Invoice(
        name="american-shipping",
        drawing="""
BlueSky Outfitters LLC                                   Invoice
1200 Summit Rd                                           Invoice #      BSO-3301
Boulder, CO 80302                                        Date           07/21/2022
                                                         Terms          Net 30
Bill To:                                                 Due Date       08/20/2022
Peak Rentals Inc.
55 Lake St
Denver, CO 80202

Item                     Qty       Rate           Discount       Amount
Tent, 4 person             6       $220.00          10%        $1,188.00
Sleeping bag              12        $80.00                       $960.00

                                         Subtotal              $2,148.00
                                         Shipping                 $45.00
                                         Tax (4%)                 $87.72
                                         Total                 $2,280.72
                                         Amount Paid           $1,000.00
                                         Balance Due           $1,280.72
""",
        fields={
            "invoice_number": "BSO-3301",
            "issue_date": "2022-07-21",
            "due_date": "2022-08-20",
            "seller_name": "BlueSky Outfitters LLC",
            "buyer_name": "Peak Rentals Inc.",
            "currency": "USD",
            "net_total": "2148.00",
            "tax_total": "87.72",
            "gross_total": "2280.72",
        },
        items=(("Tent, 4 person", "6", "220.00", "1188.00"), ("Sleeping bag", "12", "80.00", "960.00")),
    ),
    Invoice(
        name="german-credit-note",
        drawing="""
Großhandel Meier GmbH & Co. KG · Lagerstr. 1 · 20457 Hamburg

Bäckerei Schulze
Marktplatz 3
21335 Lüneburg                                 Gutschrift

                                               Gutschrift-Nr.    GS-90017
                                               Datum             11.11.2020
                                               Kunden-Nr.        55120
                                               zu Rechnung       RE-88120

Artikel         Bezeichnung              Menge      Preis       Betrag
1001            Mehl Type 550              -10      12,50      -125,00
1007            Hefe                        -2       4,00        -8,00

Summe netto                                                    -133,00 €
MwSt. 7 %                                                        -9,31 €
Gutschriftsbetrag                                              -142,31 €
""",
        fields={
            "invoice_number": "GS-90017",
            "issue_date": "2020-11-11",
            "seller_name": "Großhandel Meier GmbH & Co. KG",
            "buyer_name": "Bäckerei Schulze",
            "currency": "EUR",
            "net_total": "-133.00",
            "tax_total": "-9.31",
            "gross_total": "-142.31",
        },
        items=(("Mehl Type 550", "-10", "12.50", "-125.00"), ("Hefe", "-2", "4.00", "-8.00")),
    ),
    Invoice(
        name="german-rows-without-headings",
        drawing="""
Tischlerei Holzwurm GmbH
Am Wald 4
83022 Rosenheim                                        Rechnungs-Nr.:   R-2022-77
                                                       Rechnungsdatum:  01.10.2022
Rechnungsempfänger:
Praxis Dr. Weiß
Bahnhofplatz 9
83022 Rosenheim

Für die Arbeiten in Ihrer Praxis berechnen wir:

12,5 Std.    Einbau Regale                   à    58,00 €         725,00 €
6 Stk.       Regalböden Eiche                à    35,50 €         213,00 €

                                          Nettobetrag             938,00 €
                                          19% MwSt.               178,22 €
                                          Rechnungssumme        1.116,22 €
""",
        fields={
            "invoice_number": "R-2022-77",
            "issue_date": "2022-10-01",
            "seller_name": "Tischlerei Holzwurm GmbH",
            "buyer_name": "Praxis Dr. Weiß",
            "currency": "EUR",
            "net_total": "938.00",
            "tax_total": "178.22",
            "gross_total": "1116.22",
        },
        items=(("Einbau Regale", "12.5", "58.00", "725.00"), ("Regalböden Eiche", "6", "35.50", "213.00")),
    ),
    Invoice(
        name="dutch",
        drawing="""
ORION CONSULTING B.V.
Keizersgracht 100
1015 CV Amsterdam
The Netherlands
VAT NL854123456B01

INVOICE

Invoice number       Invoice date        Due date          Customer ref
2023-00412           31 Aug 2023         30 Sep 2023       PO-5567

To
Vega Industries NV
Havenlaan 86C
1000 Brussels
Belgium
VAT BE0403170701

Description                                 Hours       Rate            Total
Senior consultant, August                     40        EUR 125.00      EUR 5,000.00
Travel                                         1        EUR 210.40      EUR 210.40

Subtotal                                                                EUR 5,210.40
VAT 0% (reverse charge)                                                 EUR 0.00
Total                                                                   EUR 5,210.40
""",
        fields={
            "invoice_number": "2023-00412",
            "issue_date": "2023-08-31",
            "due_date": "2023-09-30",
            "seller_name": "ORION CONSULTING B.V.",
            "buyer_name": "Vega Industries NV",
            "currency": "EUR",
            "net_total": "5210.40",
            "tax_total": "0.00",
            "gross_total": "5210.40",
            "seller_vat_id": "NL854123456B01",
            "buyer_vat_id": "BE0403170701",
        },
        items=(("Senior consultant, August", "40", "125.00", "5000.00"), ("Travel", "1", "210.40", "210.40")),
    ),
    Invoice(
        name="french-without-tax",
        drawing="""
FACTURE N° 2019-23
Date de facturation : 12 mars 2019

Claire Martin                                     Destinataire
Traductrice                                       Éditions du Pont SAS
8 impasse des Cerisiers                           14 boulevard Voltaire
31000 Toulouse                                    75011 Paris
SIRET 512 345 678 00021

Prestation                               Quantité     Prix unitaire     Total
Traduction EN-FR (mots)                       520           0,90 €     468,00 €
Relecture                                       2          40,00 €      80,00 €

                                                      Total à payer    548,00 €

TVA non applicable, art. 293 B du CGI
À régler avant le 11 avril 2019
""",
        fields={
            "invoice_number": "2019-23",
            "issue_date": "2019-03-12",
            "due_date": "2019-04-11",
            "seller_name": "Claire Martin",
            "buyer_name": "Éditions du Pont SAS",
            "currency": "EUR",
            "gross_total": "548.00",
        },
        items=(("Traduction EN-FR (mots)", "520", "0.90", "468.00"), ("Relecture", "2", "40.00", "80.00")),
    ),
    Invoice(
        name="british-from-to",
        drawing="""
                                 INVOICE

From:                                    To:
Greenfield Plumbing                      Mrs Helen Carter
3 Mill Lane                              27 Orchard Road
York YO1 7HH                             York YO24 1AB

Invoice number: GP/118
Date: 9th June 2021

Work carried out                                                   Amount
Replace kitchen tap and isolation valves                          £145.00
Call out                                                           £60.00

                                            Total                 £205.00
""",
        fields={
            "invoice_number": "GP/118",
            "issue_date": "2021-06-09",
            "seller_name": "Greenfield Plumbing",
            "buyer_name": "Mrs Helen Carter",
            "currency": "GBP",
            "gross_total": "205.00",
        },
        items=(("Replace kitchen tap and isolation valves", "", "", "145.00"), ("Call out", "", "", "60.00")),
    ),
    Invoice(
        name="italian-contribution",
        drawing="""
Studio Tecnico Bianchi
Ing. Marco Bianchi
Via Roma 5 - 10121 Torino
C.F. BNCMRC70A01L219X - P. IVA 08973230967

                                                  Destinatario:
                                                  Edilnord S.r.l.
                                                  Via Po 33
                                                  10124 Torino
                                                  P. IVA 07643520567

FATTURA N. 15/2021                                Data: 30/04/2021

Descrizione                                                    Importo
Progettazione strutturale                                     2.000,00
Direzione lavori                                              1.000,00

Imponibile                                                    3.000,00
Contributo integrativo 4%                                       120,00
IVA 22%                                                         686,40
Totale fattura                                                3.806,40
Ritenuta d'acconto 20%                                         -600,00
Netto a pagare                                                3.206,40
""",
        fields={
            "invoice_number": "15/2021",
            "issue_date": "2021-04-30",
            "seller_name": "Studio Tecnico Bianchi",
            "buyer_name": "Edilnord S.r.l.",
            "tax_total": "686.40",
            "gross_total": "3806.40",
            "net_total": "3000.00",
            "seller_vat_id": "08973230967",
            "buyer_vat_id": "07643520567",
        },
        items=(("Progettazione strutturale", "", "", "2000.00"), ("Direzione lavori", "", "", "1000.00")),
    ),
)
