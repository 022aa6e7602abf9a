"""What a call can come back with: what was asked for, the server's no, or nothing.

ClientError
|-- NoServer       nobody answers there, or the connection broke
|-- ServerError    the server said no; `problem` holds its sentences
`-- Damaged        what came isn't what the server says it sent
"""

from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

Answer = TypeVar("Answer", bound=BaseModel)


class PointedDetail(BaseModel):
    """One problem of the input; `pointer` is a JSON pointer into what was sent."""

    pointer: str
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457's problem+json, with this service's `errors`."""

    status: int
    title: str = ""
    detail: str = ""
    errors: tuple[PointedDetail, ...] = ()


class ClientError(Exception):
    pass


class NoServer(ClientError):  # noqa: N818 - it names what isn't there
    def __init__(self, url: str, error: httpx.RequestError) -> None:
        self.never_connected = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        if self.never_connected:
            super().__init__(f"no server at {url}: start one with 'kerasearch serve'")
        else:
            reason = str(error) or type(error).__name__
            super().__init__(f"the server at {url} broke off: {reason}")


class ServerError(ClientError):
    def __init__(self, problem: ProblemDocument) -> None:
        super().__init__(problem.detail or problem.title or f"the server said {problem.status}")
        self.problem = problem


class Damaged(ClientError):  # noqa: N818
    pass


def parse(response: httpx.Response, kind: type[Answer]) -> Answer:
    """The answer as `kind`.

    Raises:
        ServerError: It is a refusal, or nothing that this version understands.
    """
    if not response.is_success:
        raise refusal(response)
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        raise not_understood(response) from error


def refusal(response: httpx.Response) -> ServerError:
    """The problem+json of an answer; where something else answered, a sentence that says so."""
    try:
        return ServerError(ProblemDocument.model_validate_json(response.content))
    except ValidationError:
        detail = f"{response.url} answered {response.status_code} {response.reason_phrase}"
        return ServerError(ProblemDocument(status=response.status_code, detail=detail))


def not_understood(response: httpx.Response) -> ServerError:
    detail = (
        f"the answer of {response.url} is not understood: is a Kerasearch of this version there?"
    )
    return ServerError(ProblemDocument(status=response.status_code, detail=detail))
