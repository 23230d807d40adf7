"""Runs a module that serves with gunicorn, set up for one instance behind one gateway.

Called with the module's name and its arguments. These settings have no variable of their own, and the Functions
Framework hands none of its own down.
"""

import os
import runpy
import sys

import gunicorn.config
import gunicorn.workers.gthread

# How long a connection without requests is kept: longer than the gateway keeps it, so that no request meets a
# connection that is being closed.
gunicorn.config.Keepalive.default = 75

# How long answers on their way may take after SIGTERM.
gunicorn.config.GracefulTimeout.default = 10

# The gateway sends nothing any more to an instance that is told to end: connections without requests need no grace.
gunicorn.workers.gthread.STOP_KEEPALIVE_LINGER = 0

sys.path[0] = os.getcwd()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
