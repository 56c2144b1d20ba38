"""What an agent weighs: memory by module and CPU time by loop, without a cluster."""
