"""The sub-commands that need no cluster, one file each."""
