"""Which packages a project asks for, in whichever file it says so."""

import json
import re
from dataclasses import dataclass, field

from pip._vendor import tomli
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name

from refused import Refused


@dataclass
class Wanted:
    """What a project asks for."""

    #: Where it says so.
    source: str = ""
    #: What pip is asked for: a file as it is, or lines.
    file: object = None
    lines: list = field(default_factory=list)
    #: What is wanted besides, because AWS's runtime has it.
    added: list = field(default_factory=list)
    #: The versions of a lock file.
    pins: list = field(default_factory=list)
    #: All texts that decide what comes, for a cache.
    texts: list = field(default_factory=list)

    def is_nothing(self):
        return not any(map(_is_requirement, [*self.lines, *self.added]))

    def requirements(self):
        """What is asked for by name, as far as that can be read."""
        found = []
        for line in [*self.lines, *self.added]:
            try:
                found.append(Requirement(line.split(" #")[0].split(" --")[0].rstrip("\\ ")))
            except InvalidRequirement:
                pass
        return found

    def hashes(self, name):
        """The options by which the requirements say what the files of a package may be."""
        text = "\n".join(self.lines).replace("\\\n", " ")
        return [
            option
            for line in text.splitlines()
            if (named := re.match(r"[A-Za-z0-9._-]+", line.strip())) and canonicalize_name(named[0]) == name
            for option in re.findall(r"--hash[= ]\S+", line)
        ]

    def is_of_files_elsewhere(self):
        """Whether something comes from a directory or a repository, and so may change without a word here."""
        return any(_is_requirement(line) and _is_elsewhere(line.strip()) for line in self.lines)


def find(directory, given=None):
    """Returns what is asked for: by the file that was given, or by what lies in the project's directory."""
    if given is not None:
        if not given.is_file():
            raise Refused(f"there is no file `{given}`")
        return _requirements(given)
    for name, read in (
        ("requirements.txt", _requirements),
        ("uv.lock", _toml_lock),
        ("poetry.lock", _toml_lock),
        ("pyproject.toml", _project),
        ("Pipfile.lock", _pipfile_lock),
        ("Pipfile", _pipfile),
    ):
        if (directory / name).is_file():
            return read(directory / name)
    return Wanted()


def _requirements(path):
    wanted = Wanted(path.name, path)
    _read_requirements(path, wanted, set())
    return wanted


def _read_requirements(path, wanted, seen):
    if path.resolve() in seen or not path.is_file():
        return
    seen.add(path.resolve())
    text = path.read_text(encoding="utf-8-sig")
    wanted.texts.append(text)
    for line in text.replace("\\\n", " ").splitlines():
        # An option's one letter and its value may be written together.
        option, _, value = re.sub(r"^(-[rc])(?=[^\s=])", r"\1 ", line.strip()).partition(" ")
        name, equals, rest = option.partition("=")
        if name in ("-r", "--requirement", "-c", "--constraint"):
            other = path.parent / (rest if equals else value.strip())
            _read_requirements(other, Wanted(texts=wanted.texts) if name in ("-c", "--constraint") else wanted, seen)
        else:
            wanted.lines.append(line)


def _project(path):
    data = _toml(path)
    _check_index(data, path.name)
    if "dependencies" in data.get("project", {}):
        return Wanted(path.name, None, list(data["project"]["dependencies"]), texts=[path.read_text()])
    if _poetry(data):
        raise Refused(
            f"`{path.name}` has packages in Poetry's words, and there is no `poetry.lock`\n"
            "hint: `poetry lock`, or write a `requirements.txt`"
        )
    return Wanted()


def _toml_lock(path):
    """A lock file of uv or Poetry: the packages are those of `pyproject.toml`, and it has their versions."""
    project = path.parent / "pyproject.toml"
    if not project.is_file():
        raise Refused(f"there is `{path.name}`, but no `pyproject.toml` beside it\nhint: write a `requirements.txt`")
    data = _toml(project)
    _check_index(data, project.name)
    lines = list(data.get("project", {}).get("dependencies", []))
    for name, said in _poetry(data).items():
        if name.lower() != "python" and not (isinstance(said, dict) and said.get("optional")):
            lines.append(name + _extras(said))
    locked = _toml(path).get("package", [])
    names = [canonicalize_name(package["name"]) for package in locked]
    pins = [
        f"{package['name']}=={package['version']}"
        for package, name in zip(locked, names)
        # The project itself has no version, or is no package that comes from elsewhere; some have one for each platform.
        if "version" in package and names.count(name) == 1 and not _is_local(package.get("source", {}))
    ]
    return Wanted(path.name, None, lines, pins=pins, texts=[path.read_text(), project.read_text()])


def _check_index(data, file):
    """Refuses what comes from elsewhere than an index: there, somebody else may have a package of the same name."""
    asked = Wanted(lines=data.get("project", {}).get("dependencies", [])).requirements()
    names = {canonicalize_name(requirement.name) for requirement in asked}
    sources = data.get("tool", {}).get("uv", {}).get("sources", {})
    places = [(name, said) for name, said in sources.items() if canonicalize_name(name) in names]
    for name, said in [*places, *_poetry(data).items()]:
        for one in said if isinstance(said, list) else [said]:
            if not isinstance(one, dict) or _ELSEWHERE.isdisjoint(one):
                continue
            # Poetry's own list has what only an extra asks for, too.
            if not one.get("optional") or canonicalize_name(name) in names:
                raise Refused(
                    f"`{file}` has the package `{name}` come from elsewhere than an index\n"
                    "hint: write a `requirements.txt` that says from where"
                )


#: By what uv and Poetry say that a package comes from elsewhere than an index.
_ELSEWHERE = {"git", "path", "file", "url", "workspace"}


def _is_local(source):
    return any(kind in source for kind in ("editable", "virtual", "directory"))


def _poetry(data):
    return data.get("tool", {}).get("poetry", {}).get("dependencies", {})


def _pipfile_lock(path):
    packages = json.loads(path.read_text()).get("default", {})
    return Wanted(path.name, None, [_pipfile_line(name, said) for name, said in packages.items()], texts=[path.read_text()])


def _pipfile(path):
    packages = _toml(path).get("packages", {})
    return Wanted(path.name, None, [_pipfile_line(name, said) for name, said in packages.items()], texts=[path.read_text()])


def _pipfile_line(name, said):
    version = said.get("version", "") if isinstance(said, dict) else said
    if isinstance(said, dict) and not version and any(key in said for key in ("git", "path", "file")):
        raise Refused(f"the package `{name}` comes from elsewhere than an index\nhint: write a `requirements.txt`")
    marker = f"; {said['markers']}" if isinstance(said, dict) and "markers" in said else ""
    return name + _extras(said) + ("" if version == "*" else version) + marker


def _extras(said):
    extras = said.get("extras", []) if isinstance(said, dict) else []
    return f"[{','.join(extras)}]" if extras else ""


def _toml(path):
    try:
        return tomli.loads(path.read_text(encoding="utf-8"))
    except tomli.TOMLDecodeError as error:
        raise Refused(f"`{path.name}` is not TOML: {error}") from None


def _is_requirement(line):
    line = line.strip()
    return line.startswith(("-e", "--editable")) or not line.startswith(("#", "-")) and line != ""


def _is_elsewhere(line):
    if line.startswith(("-e", "--editable", ".", "/", "file:")) or "git+" in line:
        return True
    return bool(re.search(r"@\s*file:|^[\w.-]+/", line))
