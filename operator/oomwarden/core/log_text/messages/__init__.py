"""The OOM killer's messages of all kernels, parsed from a line of text."""
