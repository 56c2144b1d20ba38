"""Control which processes the Linux OOM killer picks on a node, and record every kill."""

__version__ = "0.1.0"
