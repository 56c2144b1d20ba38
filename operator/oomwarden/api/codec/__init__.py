"""Reads and writes the generated types: JSON values in, JSON values out."""
