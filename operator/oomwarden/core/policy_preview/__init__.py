"""What a policy would do, before it is applied: validation and evaluation."""
