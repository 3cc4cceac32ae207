"""pip as it would choose on Lambda, with the guest's Python: `python pip_for_guests.py wheel ...`.

pip chooses for the interpreter that runs it. Its options for other platforms (`--platform`, `--python-version`) leave the
environment markers as they are, and refuse all source distributions. So three things are changed here: the wheels that
fit, the Python version, and the markers. This is the reason why `requirements.txt` of the SDK has pip in one version.

The packages that pip needs to build one from source are chosen by another process of pip, for the machine that builds.
"""

import sys

#: The guest's Python.
PYTHON = (3, 14, 0)
VERSION = ".".join(map(str, PYTHON))

#: The oldest Python whose wheels are looked at. What of them is Python may well run, and the rest is left out anyway.
OLDEST = 6

#: The platform's names in wheels, best first.
_PLATFORMS = [
    *(f"manylinux_2_{minor}_x86_64" for minor in range(39, 4, -1)),
    *(f"{old}_x86_64" for old in ("manylinux2014", "manylinux2010", "manylinux1", "linux")),
]

_ENVIRONMENT = {
    "implementation_name": "cpython",
    "implementation_version": VERSION,
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "5.10",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": VERSION,
    "python_version": ".".join(map(str, PYTHON[:2])),
    "sys_platform": "linux",
}


def environment():
    """The values of environment markers, as on Lambda."""
    return dict(_ENVIRONMENT)


def _tags():
    """Which wheels fit. Of one version's the pure one comes first, then that for the guest's Python, then older ones."""
    from pip._vendor.packaging.tags import Tag

    minors = range(PYTHON[1], OLDEST - 1, -1)
    pure = [f"{kind}3{minor}" for minor in minors for kind in ("cp", "py")] + ["py3", "cp3"]
    tags = [Tag(python, "none", "any") for python in pure]
    native = [(f"cp3{minor}", abi) for minor in minors for abi in (f"cp3{minor}", "abi3", f"cp3{minor}m", "none")]
    tags += [Tag(python, abi, platform) for python, abi in native for platform in _PLATFORMS]
    tags += [Tag(python, "none", platform) for python in pure for platform in _PLATFORMS]
    return tags


def main():
    from pip._internal.cli.main import main as pip
    from pip._internal.cli.req_command import RequirementCommand
    from pip._internal.models.target_python import TargetPython
    from pip._internal.resolution.resolvelib import factory
    from pip._vendor.packaging import markers

    tags = _tags()
    real_finder, real_resolver = RequirementCommand._build_package_finder, RequirementCommand.make_resolver

    def finder(self, options, session, *arguments, **keywords):
        target = TargetPython(py_version_info=PYTHON)
        target._valid_tags = tags
        return real_finder(self, options, session, target_python=target)

    def resolver(*arguments, **keywords):
        return real_resolver(*arguments, **{**keywords, "py_version_info": PYTHON})

    RequirementCommand._build_package_finder = finder
    RequirementCommand.make_resolver = staticmethod(resolver)
    factory.get_supported = lambda *_, **__: tags
    markers.default_environment = environment
    sys.exit(pip(sys.argv[1:]))


if __name__ == "__main__":
    main()
