"""Processes in /proc."""
