"""Serves an ASGI application on the port that PORT says.

Called with the folder that modules are imported from, and `module:object`.
"""

import os
import sys

import uvicorn

# How long answers on their way may take after SIGTERM.
GRACE_SECONDS = 10

folder, application = sys.argv[1:3]
sys.path[0] = folder
uvicorn.run(
    application,
    host="0.0.0.0",
    port=int(os.environ.get("PORT", "8080")),
    access_log=False,
    log_level="warning",
    proxy_headers=True,
    forwarded_allow_ips="127.0.0.1",
    timeout_keep_alive=75,
    timeout_graceful_shutdown=GRACE_SECONDS,
)
