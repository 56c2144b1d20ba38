"""The ledger: what the kernel counted, what is recorded, and which container a kill belongs to."""
