"""Makes a guest of a Python project: `python build.py app.py -o app.wasm`."""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import aws_services
import entry
import imports
import project_files
from refused import Refused
from without_names import without_names

SDK = Path(__file__).resolve().parent


def main():
    options = arguments()
    try:
        build(options)
    except Refused as refused:
        sys.exit(f"error: {refused}")


def arguments():
    parser = argparse.ArgumentParser(description="Makes a guest of a Python project.")
    parser.add_argument(
        "file", type=Path, nargs="?", default=Path("."), help="the file with the handler, or its directory [default: .]"
    )
    parser.add_argument("-o", "--output", type=Path, help="where to write [default: the file's name with `.wasm`]")
    parser.add_argument(
        "--handler",
        metavar="HANDLER",
        help="the function, or file and function as on AWS, such as `src/app.handler` [default: `handler`, or "
        "`lambda_handler`]",
    )
    parser.add_argument(
        "--requirements",
        type=Path,
        metavar="FILE",
        help="packages for the guest [default: what `requirements.txt`, `uv.lock`, `poetry.lock`, `pyproject.toml`, "
        "`Pipfile.lock` or `Pipfile` beside the code asks for]",
    )
    parser.add_argument(
        "--preload",
        action="append",
        default=[],
        metavar="MODULE",
        help="import this module at build time instead of in each instance: quicker, but its code then sees the build's "
        "variables, clock and random numbers; may be given several times",
    )
    return parser.parse_args()


def build(options):
    try:
        import componentize_py  # noqa: F401
    except ImportError:
        raise Refused(missing_tools()) from None
    # They need pip's own libraries, and so the tools.
    from packages import graph, wanted
    from packages.install import install

    found = entry.find(options.file, options.handler)
    output = (options.output or Path(found.module.rpartition(".")[2] + ".wasm")).resolve()
    with tempfile.TemporaryDirectory() as directory:
        staged = Path(directory)
        data = project_files.copy(found.directory, staged / "task")
        if data:
            more = f" and {len(data) - 5} more" if len(data) > 5 else ""
            print(f"the guest has the files {', '.join(data[:5])}{more}")
        check_syntax(graph.modules(staged / "task"), staged / "task")
        install(wanted.find(found.directory, options.requirements), staged)
        # A copy, because componentize-py's interpreter leaves its `__pycache__` where it reads.
        shutil.copytree(SDK / "guesthouse", staged / "guesthouse", ignore=shutil.ignore_patterns("__pycache__"))
        has_network = imports.uses_network(staged)
        streams = not found.is_app and imports.streams(staged, found)
        prepared = [name for name in imports.PREPARED if imports.is_there(staged, name)]
        if found.is_app:
            prepared += frameworks(staged)
            print(f"`{found.name}` is an app, which responds to requests of HTTP")
        services = aws(staged) if imports.is_there(staged, "botocore") else None
        more = [*prepared, *options.preload]
        (staged / "guesthouse_project.py").write_text(
            f"NAME = {found.name!r}\nMODULE = {found.module!r}\nHANDLER = {found.function!r}\nPRELOAD = {more!r}\n"
            f"IS_APP = {found.is_app!r}\nSTREAMS = {streams!r}\nHAS_NETWORK = {has_network!r}\nAWS_SERVICES = {services!r}\n"
            f"IMPORTED = {sorted(graph.imported(staged, more))!r}\n"
            f"REACHED = {graph.imported(staged, more, late=True)!r}\n"
        )
        worlds = ["python-http-guest" if found.is_app else "python-guest"]
        worlds += ["network"] if has_network else []
        worlds += ["streaming"] if streams else []
        componentize(staged, output, worlds)
    print(f"wrote {os.path.relpath(output)}, {output.stat().st_size / 1e6:.1f} MB")


def check_syntax(modules, task):
    """Refuses modules that only a newer Python than this one can read: what they import, nobody would know."""
    from packages.pip_for_guests import PYTHON

    for path in sorted(modules.values()) if sys.version_info < PYTHON else ():
        try:
            ast.parse(path.read_bytes())
        except (SyntaxError, ValueError) as error:
            here = ".".join(map(str, sys.version_info[:2]))
            raise Refused(
                f"Python {here}, which builds, can't read `{path.relative_to(task)}`: {error}\n"
                f"hint: is it right? If so, build with Python {'.'.join(map(str, PYTHON[:2]))}, which is the guest's"
            ) from None


def frameworks(staged):
    """Returns the modules of web frameworks that the user's files import, and these."""
    from packages import graph

    there = graph.modules(staged / "packages")
    found = graph.imported(staged)
    return sorted(name for name in found if name.partition(".")[0] in imports.FRAMEWORKS and name in there)


def aws(staged):
    """Returns the services that AWS's SDK is prepared for. Without the others the guest is much smaller."""
    services = aws_services.find(staged)
    if services is None:
        print("note: AWS's SDK comes with all services, because the name of one is not written out in the source")
        return []
    aws_services.leave_out_others(staged, services)
    print(f"AWS's SDK comes with {', '.join(services) or 'no service'}")
    return services


#: The working directory may be the project's, whose modules are not the tool's. Python's `-I` would leave out the
#: packages that a user has installed, too, and `-P` is not there before 3.11.
_TOOL = "import sys; sys.path = [place for place in sys.path if place]; import componentize_py; componentize_py.script()"


def componentize(staged, output, worlds):
    nothing = staged / "nothing"
    (nothing / "site-packages").mkdir(parents=True)
    # Otherwise it would read the site-packages of this machine.
    environment = {**os.environ, "VIRTUAL_ENV": str(nothing), "RUST_BACKTRACE": "0", "RUST_LIB_BACKTRACE": "0"}
    tool = [sys.executable, "-c", _TOOL]
    wit = ["-d", world_of(staged, worlds), "-w", "guesthouse:guest/guest"]
    made = staged / "guest.wasm"
    ran = subprocess.run(
        [*tool, *wit, "componentize", "guesthouse.guest", "-p", staged, "-o", made],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if ran.returncode != 0:
        raise Refused(f"componentize-py failed\n{essence(ran.stdout)}")
    output.parent.mkdir(parents=True, exist_ok=True)
    # Whoever serves the output must never see half of it.
    beside = output.with_name(output.name + ".new")
    # What lies there, such as a link, is not written through.
    beside.unlink(missing_ok=True)
    beside.write_bytes(without_names(made.read_bytes()))
    os.replace(beside, output)


def world_of(staged, worlds):
    """Writes the world `guest` beside the SDK's own, and returns its directory."""
    wit = staged / "wit"
    shutil.copytree(SDK / "wit", wit)
    # componentize-py can be given several worlds, and does not build what shares an interface then.
    included = " ".join(f"include {world};" for world in worlds)
    with open(wit / "guest.wit", "a") as file:
        file.write(f"\nworld guest {{ {included} }}\n")
    return wit


def essence(said):
    """What the guest's interpreter said, without the tool's own, and of a syntax error where it is."""
    said = said.partition("\n\nCaused by:")[0].rpartition("AssertionError: ")[2].strip()
    place = said.rfind('  File "/var/task/')
    is_syntax = said.rpartition("\n")[2].partition(":")[0] in ("SyntaxError", "IndentationError", "TabError")
    return said[place:] if is_syntax and place >= 0 else said


def missing_tools():
    tools = os.path.relpath(SDK / "requirements.txt")
    return (
        "componentize-py is not installed for this Python\n"
        f"hint: `python3 -m venv .venv && .venv/bin/pip install -r {tools}`, and then build with `.venv/bin/python`"
    )


if __name__ == "__main__":
    main()
