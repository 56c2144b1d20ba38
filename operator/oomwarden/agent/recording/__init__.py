"""A kill is recorded here: the ledger is kept, settled, and saved with its records."""
