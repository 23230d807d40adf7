"""Says which Python runs: the one that `.python-version` asks for."""

import sys


def version(request):
    return f"Python {sys.version_info.major}.{sys.version_info.minor}\n"
