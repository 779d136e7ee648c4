"""How right the engines are, measured on documents with known values.

    python -m deploy.eval                                  everything, as `make eval` runs it
    python -m deploy.eval --engine layout --set vrdu_adbuy --half tune --field advertiser --errors

Documents: the corpus' category A (`QUIRE_CORPUS`, or ../shared/corpus beside the project). `einvoice` reads whole
files; every other engine gets the pages alone, without the attachment that holds the answer.

The rule. A value is right when it equals the truth after normalising, and in no other case:
- amounts and numbers: equal as decimals; dates: the same day; currency: the same ISO 4217 code;
- identifiers: equal without regard to case and white space;
- names and other texts: NFKC, case folded, white space collapsed, commas and punctuation at the end dropped;
- addresses: as names, and all punctuation counts as white space;
- periods: the same number and unit;
- lists (`parties`): every entry by itself, in any order; rows (`line_items`): every cell by itself, rows paired in
  order by their line totals.

For each field: coverage = answered / documents whose truth has it, precision = right / answered. A value that the truth
doesn't have is wrong where the truth says so (an NDA without a term) and isn't counted where the field has no label.
Of an e-invoice's fields only those that its pages show are counted for engines that read pages.

Documents that share content (the manifest's family) are on one side of the split: engines are tuned on `tune`, and
`held` is what is reported.
"""
