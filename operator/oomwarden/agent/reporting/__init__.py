"""The node is reported here: the status of its OOMNode."""
