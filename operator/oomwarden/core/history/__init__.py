"""OOMKills as they are read back: facts of a record, filters and sums over many."""
