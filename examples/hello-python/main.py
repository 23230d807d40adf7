"""The smallest function: it greets whoever the query names."""

import functions_framework


# The decorator says that this is a handler of HTTP requests. It comes from the Functions Framework, which
# Coracle adds by itself: this folder needs no requirements.txt and no manifest.
@functions_framework.http
def hello(request):
    # `request` is Flask's: https://flask.palletsprojects.com/api/#flask.Request
    name = request.args.get("name", "world")
    return f"Hello, {name}!\n"
