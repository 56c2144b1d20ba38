"""Names of containers and PriorityClasses in policies."""

from typing import Annotated

from pydantic import Field

from oomwarden.api.models.base import rule, validations

ContainerGlob = Annotated[
    str,
    Field(
        max_length=63,
        json_schema_extra=validations(
            rule(
                "self.matches('^[-a-z0-9*?!\\\\[\\\\]]+$')",
                "containers must be globs over container names, 1..63 characters: lower-case "
                "letters, digits, - and the wildcards *, ? and [...]",
            )
        ),
    ),
]
PriorityClassName = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=validations(
            rule(
                "!format.dns1123Subdomain().validate(self).hasValue()",
                "priorityClassNames must be names of PriorityClasses: lower-case letters, digits, "
                "- and ., 1..253 characters",
            )
        ),
    ),
]
