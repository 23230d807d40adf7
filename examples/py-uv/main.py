"""Says how large a number of bytes is. The packages come from `uv.lock`; the handler's framework is added to them."""

import functions_framework
import humanize


@functions_framework.http
def size(request):
    return humanize.naturalsize(request.args.get("bytes", default=0, type=int), binary=True) + "\n"
