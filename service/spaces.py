"""The space of a job that isn't posted yet."""

from collections.abc import Mapping

from kerasearch.models import FamilyInfo
from kerasearch.models.datasets.info import Kind
from kerasearch.searchspaces import SearchSpace, space_for


def space_over_default(
    family: FamilyInfo, asked: Mapping[str, object], kind: Kind | None = None
) -> SearchSpace:
    """What a job of this family searches that asks for this; raises as `space_for` does.

    Args:
        family: One of ours, or a plugin's model.
        asked: As `space` of a job.
        kind: Of its data; where it isn't known, that whose default has most of what is asked.
    """
    defaults = map(family.space_of, family.data_kinds if kind is None else [kind])
    fitting = max(defaults, key=lambda space: len(asked.keys() & space.parameters.keys()))
    return space_for(family.name, asked, fitting, family.training)
