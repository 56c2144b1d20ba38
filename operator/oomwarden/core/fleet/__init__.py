"""What the operator keeps of the nodes' reports, and the policies' status that follows."""
