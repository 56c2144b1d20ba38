"""Figures that anyone can print again: `make bench` (or `python -m bench latency`)."""
