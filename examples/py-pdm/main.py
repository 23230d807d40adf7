"""A Starlette application (ASGI) with what `pdm.lock` says."""

from greetings import greet
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(request):
    return PlainTextResponse(greet(request.path_params["name"]))


app = Starlette(routes=[Route("/{name}", hello)])
