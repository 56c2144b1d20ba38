"""What keeps a node's records from reaching the API server."""

from msgspec import Struct

_MAX_TEXT = 600
_REFUSED = (
    "They are kept, and retried every ten minutes and after a restart. If a field is unknown or "
    "invalid, apply the CRDs of the agents' version (chart or deploy/crds); if a quota, policy "
    "or webhook denies them, allow OOMKills there"
)
_TAKEN = (
    "The agent used another name. Agents write only for their own node: find out who wrote that "
    "object. If it is wrong, replace that node's agent pod, because its token may be stolen, "
    "and delete the object"
)


class DeliveryProblem(Struct, frozen=True):
    """Why records are not delivered; both fields are empty if they are.

    Attributes:
        reason: A CamelCase word.
        message: A sentence with the remedy.
    """

    reason: str = ""
    message: str = ""


NO_PROBLEM = DeliveryProblem()


def delivery_problem(refused: int, why: str, taken: str) -> DeliveryProblem:
    """Describe what the API server refuses.

    Args:
        refused: How many records it refuses now.
        why: Its error message for the latest of them.
        taken: An object of another writer that has the name of one of the agent's records or
            Events.
    """
    texts = []
    if refused:
        count = "1 record" if refused == 1 else f"{refused} records"
        texts.append(f"The API server refuses {count}: {why[:_MAX_TEXT]}. {_REFUSED}.")
    if taken:
        texts.append(f"The name of a record or Event is taken by {taken[:_MAX_TEXT]}. {_TAKEN}.")
    reason = "Refused" if refused else "NameTaken" if taken else ""
    return DeliveryProblem(reason, " ".join(texts))
