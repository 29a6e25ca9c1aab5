"""The server of the explorer: one page, its scripts, and answers as JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nnmass._version import __version__
from nnmass.errors import MissingExtraError, NNMassError, SpecError
from nnmass.report._explorer import _answers as answers
from nnmass.report._explorer._controls import families
from nnmass.report._html import asset, environment, plotly_script
from nnmass.report._svg import STYLE

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from nnmass.report._explorer._studies import Studies
    from nnmass.studies import AccuracyModel

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_BUDGETS = ("mass", "params", "macs")

log = logging.getLogger(__name__)


def explorer_app(
    studies: Studies,
    *,
    start: str = "dense-cnn(wm=2,d=13,t=40/80/125)",
    fit: AccuracyModel | None = None,
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]"),
) -> Starlette:
    """The explorer as an ASGI application; it changes nothing and asks nobody.

    Args:
        studies: That can be opened.
        start: The spec that is shown where the address tells none.
        fit: Predicts accuracies while no study is open.
        hosts: Names that a request may call this server by: any other comes from a page that
            wants to read it through a name of its own.

    Raises:
        MissingExtraError: starlette or plotly is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.routing import Route
    except ImportError as error:
        raise MissingExtraError.of("the explorer", package="starlette", extra="explore") from error
    plotly_script()  # before anybody waits for a page

    def describe(query: Any) -> dict[str, Any]:
        name = query.get("study")
        model = studies.model(name) if name else fit
        change = None
        if "key" in query:
            place = query.get("index")
            index = int(place) if place and place.isdecimal() else None
            change = (query["key"], index, query.get("value", ""))
        return answers.describe(query.get("spec", start), change=change, fit=model)

    def design(query: Any) -> dict[str, Any]:
        return answers.design_for(_asked(query, "spec"), _budgets(query))

    api: dict[str, Callable[[Any], dict[str, Any]]] = {
        "about": lambda _: {"families": families(), "studies": studies.names, "start": start},
        "describe": describe,
        "drawing": lambda query: answers.drawing(_asked(query, "spec")),
        "design": design,
        "front": lambda query: answers.front_for(_asked(query, "spec")),
        "network": lambda query: answers.network(_asked(query, "name")),
        "study": lambda query: studies.show(_asked(query, "name")),
    }
    routes = [
        Route("/", _page),
        *(Route(f"/{name}", _static(name)) for name in ASSETS),
        *(Route(f"/api/{name}", _answering(answer)) for name, answer in api.items()),
    ]
    hosted = Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return Starlette(routes=routes, middleware=[hosted])


ASSETS = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "charts.js": "text/javascript",
    "explore.css": "text/css",
    "explore.js": "text/javascript",
    "plotly.js": "text/javascript",
}


def _page(request: Request) -> Response:
    from starlette.responses import HTMLResponse

    template = environment().get_template("explore.html.j2")
    html = template.render(version=__version__, drawing_style=STYLE)
    return HTMLResponse(html, headers=_HEADERS)


def _static(name: str) -> Callable[[Request], Response]:
    def give(request: Request) -> Response:
        from starlette.responses import Response

        text = plotly_script() if name == "plotly.js" else asset(name)
        headers = _HEADERS | ({"Cache-Control": "max-age=3600"} if name == "plotly.js" else {})
        return Response(text, media_type=ASSETS[name], headers=headers)

    return give


def _answering(answer: Callable[[Any], dict[str, Any]]) -> Callable[[Request], Response]:
    """The answer as JSON; what was asked wrongly as a message. Runs in a thread of its own."""

    def give(request: Request) -> Response:
        from starlette.responses import JSONResponse

        site = request.headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none"):
            return JSONResponse({"error": "asked from another page"}, 403, headers=_HEADERS)
        try:
            return JSONResponse(answer(request.query_params), headers=_HEADERS)
        except NNMassError as error:  # an answer too: budgets that nothing meets are no fault
            return JSONResponse({"error": str(error)}, headers=_HEADERS)
        except Exception as error:  # the page must not wait for ever, the log has the rest
            log.exception("explorer: %s", request.url)
            told = {"error": f"{type(error).__name__}: {error}"}
            return JSONResponse(told, 500, headers=_HEADERS)

    return give


def _asked(query: Any, name: str) -> str:
    if not query.get(name):
        raise SpecError(f"{name} is missing in the address")
    return str(query[name])


def _budgets(query: Any) -> tuple[tuple[str, float], ...]:
    found = list[tuple[str, float]]()
    for name in _BUDGETS:
        if name in query:
            try:
                share = float(query[name])
            except ValueError:
                share = float("nan")
            if not 0 < share <= 1000:
                raise SpecError(f"{name} must be per cent of the spec's own, got {query[name]!r}")
            found.append((name, share))
    return tuple(found)
