"""The sub-commands that need a cluster, one file each."""
