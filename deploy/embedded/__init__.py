"""The embedded stack: Quire with everything it needs, from packages, on one machine and its loopback interface."""
