"""Whether nodes and installation are able to work, and what to do where they are not."""
