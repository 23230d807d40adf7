"""A package in `src`, which is found without being installed."""


def greet(name):
    return f"Hello, {name}!\n"
