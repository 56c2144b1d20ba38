"""What OOMNode and the status of a policy report."""
