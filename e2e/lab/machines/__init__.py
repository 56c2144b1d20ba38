"""The machine that a node runs on: User-Mode Linux or QEMU, both behind `Machine`."""

from e2e.lab.machines.choice import choose
from e2e.lab.machines.machine import Devices, Machine

__all__ = ["Devices", "Machine", "choose"]
