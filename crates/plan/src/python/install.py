"""Installs packages with uv, then compiles them.

Called with the folder that packages go to, and what uv is called with; `;` stands between several calls. `own-index`
as the first word says that the author's files name the index, which then wins over the host's as it does with pip.
"""

HINTS = [
    (
        b"Git executable not found",
        "a dependency comes from a Git repository: add `build: {packages: [git]}` to `coracle.yaml`",
    ),
    (
        b"Build failures usually indicate",
        "a package without a wheel has to be built: compilers and headers come with `build: {packages: [build-essential]}`"
        " in `coracle.yaml`, those of libraries with packages like `libpq-dev`",
    ),
    (
        b"building from source is disabled",
        "what is built for other processors than the machine's needs wheels for them: choose another version, or build"
        " on such a machine",
    ),
]


def calls(words):
    while ";" in words:
        end = words.index(";")
        yield words[:end]
        words = words[end + 1 :]
    yield words


def run(words):
    reading, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, writing, 2)]
    child = os.posix_spawnp("uv", ["uv", *words], os.environ, file_actions=actions)
    os.close(writing)
    hints = set()
    with open(reading, "rb") as output:
        for line in output:
            os.write(2, line)
            hints.update(hint for says, hint in HINTS if says in line)
    failed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if failed:
        sys.exit("\n".join(sorted(hints)) or 1)


folder, *words = sys.argv[1:]
if words[0] == "own-index":
    os.environ.pop("UV_DEFAULT_INDEX", None)
    words = words[1:]
for call in calls(words):
    run(call)
compile_all([folder])
