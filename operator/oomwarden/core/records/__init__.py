"""From incidents to what people read: OOMKill objects and Events."""
