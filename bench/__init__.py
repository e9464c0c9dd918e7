"""Measurements: speed, memory, fidelity, load. Each prints JSON with ``--json``."""
