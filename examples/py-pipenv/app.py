"""A Bottle application with what `Pipfile.lock` says: the default packages, on this platform."""

from importlib.metadata import distributions

from bottle import Bottle

app = Bottle()


@app.get("/")
def packages():
    return " ".join(sorted(package.name for package in distributions())) + "\n"
