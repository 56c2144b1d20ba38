"""All metrics: the contract."""
