"""User stories against a real cluster, and the lab that provides one."""
