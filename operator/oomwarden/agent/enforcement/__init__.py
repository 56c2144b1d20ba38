"""Scores and group kills are decided and written here."""
