from flask import Flask, request
from gunicorn.app.base import BaseApplication

from function import handler

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def serve():
    return handler.handle(request)


class Server(BaseApplication):
    def load_config(self):
        self.cfg.set("bind", ":8080")

    def load(self):
        return app


if __name__ == "__main__":
    Server().run()
