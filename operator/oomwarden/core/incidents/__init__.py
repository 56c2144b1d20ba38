"""From a range of the ledger to an incident: cause, memory before it, victims."""
