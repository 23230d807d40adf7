"""A Bottle application with what `pylock.toml` says, the lock file that all package managers can write."""

import humanize
from bottle import Bottle

app = Bottle()


@app.get("/<count:int>")
def count(count):
    return humanize.intword(count) + "\n"
