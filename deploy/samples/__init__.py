"""Documents that ship with Quire: what `make demo` reads. `manifest.json` names each with its licence and source."""
