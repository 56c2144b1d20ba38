"""The operator: a few kopf handlers, and loops that need no kopf."""
