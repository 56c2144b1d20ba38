"""A node of plain files: cgroups, processes and a kernel log, as an agent reads them."""
