from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def index():
    name = request.args.get("name", "{{name}}")
    return f"Hello, {name}!\n"
