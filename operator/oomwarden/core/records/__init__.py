"""From incidents to what people see: OOMKill objects and Events."""
