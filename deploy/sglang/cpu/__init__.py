"""A real SGLang server on the CPU, with tiny models of random weights: what the contract tests talk to."""
