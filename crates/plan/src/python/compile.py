"""Compiles all Python files beneath folders to bytecode, in several processes at once.

Called with the folders, then `--` and the names of what is left out, relative to a folder. What marshal writes hangs on
what a process did before, so that each folder's files are compiled by a process of their own, in order: two runs give
the same bytes on any machine. So what a folder was compiled to can be kept and used again, where `BYTECODE_CACHE` says.
Files that do not compile are left to whoever imports them: packages hold files for other versions of Python, and tests
of broken ones.

What is imported here was not compiled itself yet, each module costs: `py_compile` alone brings twenty, and took longer
than the packages of a small application.
"""

import hashlib
import importlib.util
import marshal
import os
import sys

PROCESSES = 8
CACHE = os.environ.get("BYTECODE_CACHE")


def groups(folder, skipped):
    for parent, folders, names in os.walk(folder):
        beside = os.path.relpath(parent, folder)
        kept = lambda name: os.path.normpath(os.path.join(beside, name)) not in skipped
        folders[:] = sorted(filter(kept, folders))
        files = sorted(os.path.join(parent, name) for name in names if name.endswith(".py") and kept(name))
        if files:
            yield files


def key(files):
    digest = hashlib.sha256(sys.version.encode() + importlib.util.MAGIC_NUMBER)
    for file in files:
        with open(file, "rb") as source:
            digest.update(marshal.dumps((file, hashlib.sha256(source.read()).digest()), 2))
    return digest.hexdigest()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.{os.getpid()}", "wb") as file:
        file.write(data)
    os.rename(file.name, path)


def bytecode(file):
    """Answers what a file is compiled to, never to be checked (PEP 552); nothing where it does not compile."""
    with open(file, "rb") as opened:
        source = opened.read()
    try:
        code = compile(source, file, "exec", dont_inherit=True)
    except Exception:
        return None
    flags = (1).to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + marshal.dumps(code)


def compile_group(files):
    """Writes what files are compiled to; answers where and what that is."""
    compiled = []
    for file in files:
        data = bytecode(file)
        if data:
            path = importlib.util.cache_from_source(file)
            write(path, data)
            compiled.append((path, data))
    return compiled


def kept(entry):
    try:
        with open(entry, "rb") as file:
            return marshal.load(file)
    except (OSError, EOFError, ValueError, TypeError):
        return None


def restore(files):
    """Writes what a folder was compiled to before; answers whether that is known."""
    entry = os.path.join(CACHE, key(files))
    known = kept(entry)
    if known is None:
        return False
    os.utime(entry)
    for path, data in known:
        write(path, data)
    return True


def in_child(files):
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            compiled = compile_group(files)
            if CACHE:
                write(os.path.join(CACHE, key(files)), marshal.dumps(compiled, 2))
            failed = 0
        finally:
            os._exit(failed)
    return child


def compile_all(folders, skipped=()):
    failed, running = 0, 0
    for folder in folders:
        for files in groups(folder, skipped):
            if CACHE and restore(files):
                continue
            if running == PROCESSES:
                failed |= os.wait()[1]
                running -= 1
            in_child(files)
            running += 1
    for _ in range(running):
        failed |= os.wait()[1]
    if failed:
        sys.exit("cannot compile to bytecode")
