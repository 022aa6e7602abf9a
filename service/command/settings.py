"""Settings from options and `KERASEARCH_*`; what is wrong with them, one sentence each."""

from pydantic import ValidationError

from kerasearch.searchspaces.values import shown
from kerasearch.service.command.terminal import refuse
from kerasearch.service.settings import Settings
from kerasearch.service.validation_problems import problems_of

MUST_BE = {
    "executor": "local, since the Ray executor isn't part of this version",
    "workers": "a whole number from 0 to 1024, or auto",
}
"""Where pydantic's own words would mislead."""


def read_settings(**options: object) -> Settings:
    """The settings that the options given mean; wrong ones end the command."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        refuse(*_sentences(error))


def _sentences(error: ValidationError) -> list[str]:
    sentences: dict[object, str] = {}
    for each in error.errors():
        name = each["loc"][0]
        if each["type"] == "default_factory_not_called":  # what it hangs on is wrong itself
            continue
        if name in MUST_BE:
            sentences[name] = f"{name}: must be {MUST_BE[str(name)]}, not {shown(each['input'])}"
        else:
            (problem,) = problems_of([each], Settings)
            sentences[name] = f"{name}: {problem.detail}"
    return [*sentences.values()]
