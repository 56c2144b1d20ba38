"""What stands between a node's records and the API server, in words for people."""

from dataclasses import dataclass

_LONGEST = 600
_REFUSED = (
    "They are kept, and tried again every ten minutes and after a restart: where a field is not "
    "known or not valid, apply the CRDs of the agents' version (chart or deploy/crds); where a "
    "quota, policy or webhook denies them, allow OOMKills there"
)
_TAKEN = (
    "Ours is written under another name. Agents write for their own node only: see who wrote that "
    "object, and if it is wrong, replace that node's agent pod, as its token may be stolen, and "
    "delete the object"
)


@dataclass(frozen=True, slots=True)
class DeliveryTrouble:
    """Why not all goes well; `reason` is one CamelCase word, `message` has the remedy.

    Both are empty where all does.
    """

    reason: str = ""
    message: str = ""


NO_TROUBLE = DeliveryTrouble()


def delivery_trouble(refused: int, why: str, taken: str) -> DeliveryTrouble:
    """Sum up what the API server does not take.

    Args:
        refused: How many records it refuses now.
        why: Its words on the newest of them.
        taken: The object of somebody else that has the name of one of our records or Events.
    """
    told = []
    if refused:
        few = f"{refused} record is" if refused == 1 else f"{refused} records are"
        told.append(f"{few} held back, refused by the API server: {why[:_LONGEST]}. {_REFUSED}.")
    if taken:
        told.append(f"The name of a record or Event is taken by {taken[:_LONGEST]}. {_TAKEN}.")
    reason = "Refused" if refused else "NameTaken" if taken else ""
    return DeliveryTrouble(reason, " ".join(told))
