"""The cluster that a sub-command asks, through the official client."""
