"""From a job to its study."""

from collections.abc import Iterable

from kerasearch.searchspaces import SearchSpace
from kerasearch.searchspaces.constraints import Constraints
from kerasearch.service.jobs import JobRequest
from kerasearch.service.sampling.auto import picked_sampler
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.sampling.study import JobStudy
from kerasearch.service.trials import TrialState
from kerasearch.service.warm_start import EarlierTrial


def study_of(request: JobRequest, earlier: Iterable[EarlierTrial] = ()) -> JobStudy:
    """The study of a job as understood, before its first trial; it learns from earlier ones."""
    space = SearchSpace.parse(request.space)
    search = request.search
    known = [PastTrial(-1, trial.params, TrialState.COMPLETE, trial.values) for trial in earlier]
    study = JobStudy.create(
        space,
        request.directions,
        search.engine,
        picked_sampler(request).name,
        search.seed,
        options=search.options,
        constraints=Constraints.parse(request.constraints, space),
        earlier=known,
    )
    for params in search.start_from:
        study.enqueue(params)
    return study
