"""How large a policy may be: agents and the operator keep policies of many tenants in memory.

With 64 rules of 16 containers and 16 processes each, 1,000 policies took 2 GB. So the totals of all
rules are bounded too: the largest OOMPolicy has 80 KiB, and dozens of rules still fit. Only the API
server enforces these bounds, and accepts what was stored before (ratcheting, KEP-4008). The models
parse that too, and the agents' own bounds apply to it (core/policy/policy_cache.py).
"""

from oomwarden.api.models.base import Extra, rule, validations
from oomwarden.api.vocabulary import MAX_COMMANDS_LENGTH, MAX_CONTAINERS, MAX_PROCESSES

MAX_COMMAND_LENGTH = 256
MAX_CLASSES = 16
"""Names of PriorityClasses."""

_PROCESSES = "has(each.processes) ? {} : 0"
_LENGTHS = "each.processes.map(process, size(process.command)).sum()"

ALL_RULES_TOGETHER: Extra = validations(
    rule(
        f"self.map(each, size(each.containers)).sum() <= {MAX_CONTAINERS}",
        f"all rules together may have {MAX_CONTAINERS} globs over containers at most",
    ),
    rule(
        f"self.map(each, {_PROCESSES.format('size(each.processes)')}).sum() <= {MAX_PROCESSES}",
        f"all rules together may have {MAX_PROCESSES} processes at most",
    ),
    rule(
        f"self.map(each, {_PROCESSES.format(_LENGTHS)}).sum() <= {MAX_COMMANDS_LENGTH}",
        f"the commands of all processes may have {MAX_COMMANDS_LENGTH} characters together at most",
    ),
)
