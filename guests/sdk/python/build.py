"""Makes a guest of a Python file: `python build.py app.py -o app.wasm`."""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import aws_services
import imports

SDK = Path(__file__).resolve().parent

#: The interpreter inside the guest, for which pip chooses packages.
PYTHON_OF_THE_GUEST = "3.14"


def main():
    options = arguments()
    try:
        build(options)
    except Refused as refused:
        sys.exit(f"error: {refused}")


class Refused(Exception):
    """Why there is no guest, for the user's eyes."""


def arguments():
    parser = argparse.ArgumentParser(description="Makes a guest of a Python file.")
    parser.add_argument("file", type=Path, help="the file with the handler, such as `app.py`")
    parser.add_argument("-o", "--output", type=Path, help="where to write [default: the file's name with `.wasm`]")
    parser.add_argument("--handler", metavar="NAME", help="the function [default: `handler`, or `lambda_handler`]")
    parser.add_argument(
        "--requirements",
        type=Path,
        metavar="FILE",
        help="packages for the guest [default: `requirements.txt` beside the file, if there is one]",
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
    if options.file.suffix != ".py" or not options.file.stem.isidentifier():
        raise Refused(f"`{options.file}` is not the file of a module\nhint: name it like `app.py`")
    if not options.file.is_file():
        raise Refused(f"there is no file `{options.file}`")
    try:
        import componentize_py  # noqa: F401
    except ImportError:
        raise Refused(missing_tools()) from None

    source = options.file.resolve()
    output = (options.output or Path(source.stem + ".wasm")).resolve()
    handler = options.handler or usual_handler(source)
    requirements = options.requirements or source.parent / "requirements.txt"
    if options.requirements and not requirements.is_file():
        raise Refused(f"there is no file `{requirements}`")

    with tempfile.TemporaryDirectory() as directory:
        staged = Path(directory)
        copy_project(source.parent, staged / "task")
        install_packages(requirements, staged / "packages")
        # A copy, because componentize-py's interpreter leaves its `__pycache__` where it reads.
        shutil.copytree(SDK / "guesthouse", staged / "guesthouse", ignore=shutil.ignore_patterns("__pycache__"))
        has_network = imports.uses_network(staged)
        prepared = [name for name in imports.PREPARED if imports.is_there(staged, name)]
        services = aws(staged) if imports.is_there(staged, "botocore") else None
        (staged / "guesthouse_project.py").write_text(
            f"MODULE = {source.stem!r}\nHANDLER = {handler!r}\nPRELOAD = {prepared + options.preload!r}\n"
            f"HAS_NETWORK = {has_network!r}\nAWS_SERVICES = {services!r}\n"
        )
        componentize(staged, output, "python-guest-with-network" if has_network else "python-guest")
    print(f"wrote {os.path.relpath(output)}, {output.stat().st_size / 1e6:.1f} MB")


def aws(staged):
    """Returns the services that AWS's SDK is prepared for. Without the others the guest is much smaller."""
    services = aws_services.find(staged)
    if services is None:
        print("note: AWS's SDK comes with all services, because the name of one is not written out in the source")
        return []
    aws_services.leave_out_others(staged, services)
    print(f"AWS's SDK comes with {', '.join(services) or 'no service'}")
    return services


def usual_handler(source):
    """The first of the usual names that the file gives to something."""
    usual = ("handler", "lambda_handler")
    try:
        tree = ast.parse(source.read_bytes())
    except SyntaxError:
        # It may be right for the guest's Python, which may be newer. Otherwise that says so.
        return usual[0]
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.update(usual if node.name == "*" else [node.asname or node.name])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    for name in usual:
        if name in names:
            return name
    raise Refused(f"`{source.name}` has no function `handler`\nhint: call it that, or `lambda_handler`")


def copy_project(project, target):
    """Modules, and whatever lies in packages. What is elsewhere, from notes to keys, stays out of the guest."""
    target.mkdir()
    for directory, directories, names in os.walk(project):
        here = Path(directory)
        directories[:] = [name for name in directories if belongs(here / name)]
        in_package = in_a_package(here, project)
        for name in names:
            if not name.startswith(".") and (in_package or name.endswith(".py")):
                place = target / here.relative_to(project) / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(here / name, place)


def in_a_package(directory, project):
    return directory != project and ((directory / "__init__.py").exists() or in_a_package(directory.parent, project))


def belongs(directory):
    if directory.name.startswith(".") or directory.name in ("__pycache__", "node_modules") or directory.resolve() == SDK:
        return False
    return not (directory / "pyvenv.cfg").exists()


def install_packages(requirements, target):
    """What is not pure Python has no file that fits, and pip says so."""
    target.mkdir()
    if not requirements.is_file() or not any(map(is_requirement, requirements.read_text().splitlines())):
        return
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target", target, "-r", requirements]
    pure = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none", f"--python-version={PYTHON_OF_THE_GUEST}"]
    if subprocess.run([*pip, *pure]).returncode != 0:
        raise Refused(
            f"pip can't install what `{requirements.name}` asks for\n"
            "hint: a guest takes wheels of pure Python only (`…-none-any.whl`); native extensions can't run in it"
        )
    shutil.rmtree(target / "bin", ignore_errors=True)


def is_requirement(line):
    return bool(line.strip()) and not line.lstrip().startswith("#")


def componentize(staged, output, world):
    nothing = staged / "nothing"
    (nothing / "site-packages").mkdir(parents=True)
    # Otherwise it would read the site-packages of this machine.
    environment = {**os.environ, "VIRTUAL_ENV": str(nothing), "RUST_BACKTRACE": "0", "RUST_LIB_BACKTRACE": "0"}
    tool = [sys.executable, "-c", "import componentize_py; componentize_py.script()"]
    wit = ["-d", SDK / "wit", "-w", f"guesthouse:guest/{world}"]
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
    shutil.copyfile(made, beside)
    os.replace(beside, output)


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
