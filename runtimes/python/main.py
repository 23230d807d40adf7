import functions_framework


@functions_framework.http
def handle(request):
    """Answers one request: https://flask.palletsprojects.com/api/#flask.Request"""
    name = request.args.get("name", "{{name}}")
    return f"Hello, {name}!\n"
