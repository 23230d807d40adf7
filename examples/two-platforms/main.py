"""Greets from the processors that it runs on; the dependency is compiled C, another file for each of them."""

import platform

import functions_framework
from markupsafe import _speedups, escape


@functions_framework.http
def greet(request):
    name = escape(request.args.get("name", "world"))
    compiled = _speedups.__file__.endswith(f"-{platform.machine()}-linux-gnu.so")
    return f"Hello, {name}, from {'compiled' if compiled else 'other'} code!\n"
