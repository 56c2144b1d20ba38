"""The operator: kopf handlers, thin."""
