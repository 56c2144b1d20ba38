"""What the packages of `core` share: pods, cgroups, limits and who owns them."""
