"""Measures harbours, as a Flask application behind gunicorn."""

import os

from flask import Flask, abort, jsonify

DEPTHS = {"Falmouth": 12.5, "Hamburg": 15.1, "Porto": 10.0}

app = Flask(__name__)


@app.get("/")
def harbours():
    return jsonify(harbours=sorted(DEPTHS), user=os.getuid())


@app.get("/<harbour>")
def depth(harbour):
    if harbour not in DEPTHS:
        abort(404)
    print(f"asked for {harbour}", flush=True)
    return f"{DEPTHS[harbour]} m\n"
