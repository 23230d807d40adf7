"""A Flask application: Coracle finds the object `app` and serves it."""

from flask import Flask, abort, request
from markupsafe import escape

app = Flask(__name__)

# What one instance remembers, every other one does not, and it is gone when the instance is.
BOATS = {"coracle": "round, light, made of willow", "dory": "flat-bottomed, with high sides"}


@app.get("/")
def index():
    return "\n".join(sorted(BOATS)) + "\n"


@app.get("/boats/<name>")
def boat(name):
    if name not in BOATS:
        abort(404, f"no boat is called {escape(name)}")
    return {"name": name, "is": BOATS[name]}


@app.post("/echo")
def echo():
    return request.get_data(), 201, {"Content-Type": request.content_type or "text/plain"}


# For `python3 app.py` on your own machine. In the image, gunicorn serves `app`.
if __name__ == "__main__":
    app.run()
