"""What the runtime gave a container, kept so that it can be put back."""
