"""How many records a node and a namespace may write and keep."""
