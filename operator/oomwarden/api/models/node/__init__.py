"""Parts of OOMNode that have a file of their own."""
