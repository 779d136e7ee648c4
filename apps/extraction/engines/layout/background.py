"""What else is written beside values on business papers, in the languages of the shipped labels.

A label that says "delivery date" must not pass for a "date" just because the schema asks for no delivery date. These
are the common neighbours: they compete with the schema's labels, and one that the schema does ask for is left out.
"""

from __future__ import annotations

# ruff: noqa: E501 - one concept a line, to be read as a list
_LINES = """
order date|date of order|purchase order date|bestelldatum|auftragsdatum|bestellung vom|date de commande|fecha de pedido|data ordine
delivery date|date of delivery|ship date|shipping date|date of supply|service date|supply date|lieferdatum|leistungsdatum|liefer- und leistungsdatum|lieferschein datum|tag der lieferung|date de livraison|fecha de entrega|data di consegna
service period|billing period|period|period from|period to|leistungszeitraum|abrechnungszeitraum|lieferzeitraum|zeitraum|periode|periode de facturation|periodo
print date|printed|printed on|druckdatum|gedruckt am|date d'impression
payment date|paid on|date paid|zahlungsdatum|bezahlt am|date de paiement|date de reglement
date of birth|geburtsdatum|date de naissance|fecha de nacimiento|data di nascita
order number|order no|purchase order|po number|po no|your order|customer order|bestellnummer|bestell-nr|bestellung|auftragsnummer|auftrag|auftrags-nr|ihre bestellung|numero de commande|commande|bon de commande|numero de pedido|pedido|numero ordine|ordine
delivery note|delivery note number|despatch advice|lieferschein|lieferschein-nr|lieferscheinnummer|lieferavis|bon de livraison|albaran|documento di trasporto|ddt
customer|customer number|customer no|customer id|client number|account number|account no|kundennummer|kunden-nr|kd-nr|numero client|code client|numero de cliente|codice cliente
supplier number|vendor number|vendor no|lieferantennummer|lieferanten-nr|lief-nr|numero fournisseur
reference|your reference|our reference|your ref|our ref|ref|referenz|ihr zeichen|unser zeichen|unsere referenz|ihre referenz|reference client|votre reference|notre reference|referencia|riferimento
project|project number|projekt|projektnummer|numero de projet|cost centre|kostenstelle
contract|contract number|vertrag|vertragsnummer|numero de contrat|contrato|contratto
related invoice|original invoice|preceding invoice|ursprungsbeleg|bezugsrechnung|facture associee|facture d'origine
page|seite|pagina|blatt
phone|telephone|tel|telefon|fax|mobile|mobil|telefax|telephone portable|telefono|handy
email|e-mail|mail|correo|web|website|internet|www
bank|bank account|account|konto|kontonummer|konto-nr|bankverbindung|blz|bankleitzahl|sort code|bic|swift|iban|banque|compte|banco|cuenta|banca|conto
tax number|tax no|steuernummer|steuer-nr|st-nr|tax id|siret|siren|codice fiscale|nif|cif
vat id|vat number|vat no|ust-id|ust-idnr|ust-id-nr|umsatzsteuer-id|umsatzsteueridentifikationsnummer|numero tva|tva intracommunautaire|partita iva|p iva
commercial register|handelsregister|hrb|hra|handelsregisternummer|registergericht|amtsgericht|rcs
managing director|geschaftsfuhrer|geschaftsfuhrung|gerant
gln|gtin|ean|duns|global location number|globale nummer|leitweg-id
article number|item number|item no|article no|art-nr|artikelnummer|artikel-nr|part number|sku|reference article|codigo|codice articolo
position|pos|line|line no|item|ligne|linea
vat rate|tax rate|rate|steuersatz|mwst satz|ust satz|mwst %|ust %|taux|taux tva|tipo|aliquota
discount|rebate|allowance|rabatt|nachlass|abschlag|abschlage|gesamtbetrag der abschlage|remise|descuento|sconto|skonto|cash discount|escompte
charges|surcharge|zuschlag|zuschlage|gesamtbetrag der zuschlage|zu-/abschlag|frais
shipping|postage|freight|delivery costs|versand|versandkosten|fracht|porto|frais de port|port|envio|spedizione
prepaid|paid|amount paid|already paid|deposit|prepayment|anzahlung|erhaltene anzahlungen|bereits bezahlt|gezahlt|acompte|montant deja paye|regle|anticipo|pagado|acconto
change|cash|cash received|tendered|ruckgeld|bar|gegeben|rendu|especes|cambio|contanti
rounding|rounding adjustment|rundung|arrondi
taxable amount|tax base|tax basis|vat base|basisbetrag|bemessungsgrundlage|steuerbasisbetrag|base|base tva|base imponible|imponibile
share capital|stammkapital|capital|capital social
attention|attn|contact|contact person|ansprechpartner|zu handen|interlocuteur|contacto|referente
department|abteilung|service|departamento|reparto
remark|remarks|note|notes|bemerkung|bemerkungen|hinweis|betreff|subject|remarque|objet|observaciones
ship to|deliver to|delivery address|lieferadresse|lieferanschrift|warenempfanger|abweichender warenempfanger|adresse de livraison|livraison|direccion de entrega|destinazione
payee|zahlungsempfanger|abweichender zahlungsempfanger|beneficiaire|tax representative|representant fiscal|steuervertreter
weight|gewicht|poids|peso|volume|packages|colis
terms|payment terms|terms of payment|zahlungsbedingungen|zahlungsziel|conditions de paiement|condiciones de pago|condizioni di pagamento
mandate|mandate reference|mandatsreferenz|creditor id|glaubiger-id|glaubiger identifikationsnummer
alt order|alt order number|alternate order|estimate|estimate number|deal|deal number|worksheet
agency ref|advertiser ref|agency code|advertiser code|agency id|advertiser id|agency external id|advertiser external id|account executive|sales office|sales region
product|product code|product description|brand|demographic|produktgruppe|marke|marque|marca
subtotal|sub total|total excluding tax|total excl gst|total excluding gst|total sales excluding gst|total before tax|zwischensumme|sous-total|subtotale
member card|membership number|card number|card expiry|expiry date|expires|valid until|gultig bis|loyalty points
time|uhrzeit|heure|hora|ora|table|tisch|cashier|kassierer|server|terminal
"""

CONCEPTS: tuple[tuple[str, ...], ...] = tuple(tuple(line.split("|")) for line in _LINES.strip().splitlines())
"""Spellings of one concept a row; accents don't matter."""
