"""Which of several operators works: decisions of the leader election with a Lease."""
