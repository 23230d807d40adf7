"""A Bottle application with what `poetry.lock` says: the main group, on this platform, without extras."""

from importlib.metadata import distributions

from bottle import Bottle

app = Bottle()


@app.get("/")
def packages():
    return " ".join(sorted(package.name for package in distributions())) + "\n"
