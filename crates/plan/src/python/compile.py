"""Compiles all Python files beneath folders to bytecode, in several processes at once.

Called with the folders, then `--` and the names of what is left out, relative to a folder. Which process compiles
which file depends on nothing but the files' names, so that two runs give the same bytes on any machine. Files that
do not compile are left to whoever imports them: packages hold files for other versions of Python, and tests of
broken ones.
"""

import os
import py_compile
import sys

PROCESSES = 8


def sources(folder, skipped):
    for parent, folders, names in os.walk(folder):
        beside = os.path.relpath(parent, folder)
        kept = lambda name: os.path.normpath(os.path.join(beside, name)) not in skipped
        folders[:] = filter(kept, folders)
        yield from (os.path.join(parent, name) for name in names if name.endswith(".py") and kept(name))


def compile_some(files):
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for file in files:
        py_compile.compile(file, quiet=2, invalidation_mode=mode)


def compile_all(folders, skipped=()):
    files = sorted(file for folder in folders for file in sources(folder, skipped))
    children = []
    for index in range(PROCESSES):
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                compile_some(files[index::PROCESSES])
                failed = 0
            finally:
                os._exit(failed)
        children.append(child)
    if any([os.waitpid(child, 0)[1] for child in children]):
        sys.exit("cannot compile to bytecode")
