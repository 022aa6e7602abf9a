"""Errors as RFC 9457 problem documents: one table from exception to status."""

import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from kerasearch.searchspaces.problems import InvalidInput, Problem
from kerasearch.service.errors import Conflict, KerasearchError, NotFound, TooLarge, Unavailable
from kerasearch.service.validation_problems import problems_of

STATUS: dict[type[KerasearchError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
MOST_PROBLEMS = 50
"""Of one input that are told; a megabyte of unknown fields would be answered by many more."""

DOCUMENTED: dict[int | str, dict[str, Any]] = {  # JSON
    "default": {
        "description": "Refused, or failed: a problem document (RFC 9457).",
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                        "errors": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["pointer", "detail"],
                                "properties": {
                                    "pointer": {"type": "string", "format": "json-pointer"},
                                    "detail": {"type": "string"},
                                },
                            },
                        },
                    },
                }
            }
        },
    }
}
"""Every route's answer in OpenAPI when it isn't the one wanted."""


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE

    def render(self, content: object) -> bytes:
        # JSON can escape half of a surrogate pair; a detail that quotes it can't be encoded.
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def problem_response(
    status: int,
    detail: str,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors := [problem._asdict() for problem in problems]:
        document["errors"] = errors
    return ProblemResponse(document, status, headers)


def install(app: FastAPI) -> None:
    """Answer with a problem document whatever goes wrong."""
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, _answer_with(status))

    @app.exception_handler(InvalidInput)
    def _(_request: Request, error: InvalidInput) -> ProblemResponse:
        return _invalid(error.problems)

    @app.exception_handler(RequestValidationError)
    def _(request: Request, error: RequestValidationError) -> ProblemResponse:
        errors = error.errors()
        if isinstance(error.body, bytes):  # FastAPI leaves what isn't said to be JSON as it is
            detail = "send JSON, and say so: Content-Type: application/json"
            return problem_response(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
        if errors[0]["type"] == "json_invalid":
            return _not_json(f"{errors[0]['ctx']['error']} at character {errors[0]['loc'][-1]}")
        inside = ({**each, "loc": each["loc"][1:]} for each in errors)  # loc[0] is "body" or so
        problems = problems_of(inside, _body_model(request))
        return _invalid(p if p.pointer else Problem("", f"the body {p.detail}") for p in problems)

    @app.exception_handler(HTTPException)
    def _(request: Request, error: HTTPException) -> ProblemResponse:
        path, detail = request.url.path, str(error.detail)
        match error.status_code, error.__cause__:
            case 400, TooLarge() as too_large:
                return problem_response(STATUS[TooLarge], str(too_large))
            case 400, RecursionError():
                return _not_json("it is nested too deep")
            case 400, UnicodeDecodeError():
                return _not_json("it is no UTF-8 text")
            case 400, ValueError():
                return _not_json("a number in it has too many digits")
            case 404, _:
                detail = f"there is nothing at {path}; /docs lists what there is"
            case 405, _:
                detail = f"{path} can't be asked with {request.method}; /docs lists what it takes"
        return problem_response(error.status_code, detail, headers=error.headers)

    @app.exception_handler(Exception)
    def _(_request: Request, _error: Exception) -> ProblemResponse:
        detail = "the service failed at this; its log, on its terminal, says more"
        return problem_response(HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def _answer_with(status: HTTPStatus) -> Callable[[Request, Exception], ProblemResponse]:
    retry = (
        {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    )
    return lambda _request, error: problem_response(status, str(error), headers=retry)


def _not_json(reason: str) -> ProblemResponse:
    return problem_response(HTTPStatus.BAD_REQUEST, f"the body can't be read as JSON: {reason}")


def _invalid(problems: Iterable[Problem]) -> ProblemResponse:
    told = list(islice(problems, MOST_PROBLEMS))
    detail = "; ".join(": ".join(filter(None, problem)) for problem in told)
    if len(told) > 1:
        many = f"{len(told)}" if len(told) < MOST_PROBLEMS else f"{MOST_PROBLEMS} or more"
        detail = f"{many} things are wrong with the input: {detail}"
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, detail, told)


def _body_model(request: Request) -> type[BaseModel] | None:
    """What the route of a request reads its body as."""
    field = getattr(request.scope["route"], "body_field", None)
    annotation = None if field is None else field.field_info.annotation
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None
