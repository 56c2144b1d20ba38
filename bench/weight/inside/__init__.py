"""What runs inside of a measured agent; it must not import anything that the agent does not."""
