"""Which packages can do without their native code, and which can't.

A wheel for the real platform is unpacked without its native modules, and what is left is imported. Many packages go on:
they use a compiled module only if it is there. Of the others it is asked who imports what fails.
"""

import json
import subprocess
import sys
from pathlib import Path

from pip._vendor.packaging.utils import canonicalize_name

from refused import Refused

from . import advice, graph, rust, wheels
from .pip_for_guests import environment

#: Seconds for the imports of all packages together.
_PATIENCE = 120


def settle(all_wheels, wanted, staged):
    """Leaves out packages that nothing needs without their native code, and refuses those that something needs."""
    lost = _lost([wheel for wheel in all_wheels if wheel.native], staged / "packages")
    if not lost:
        return
    refusals, useless = [], []
    files = graph.modules(staged / "task", staged / "packages")
    roots = [name for name, path in files.items() if (staged / "task") in path.parents]
    every_lost = {module for modules in lost.values() for module in modules}
    sites = [
        (importer, found)
        for importer, found in graph.reached(roots, files, every_lost)
        if found.name in every_lost
    ]
    for wheel in all_wheels:
        modules = lost.get(wheel.name)
        if not modules:
            continue
        outside = [
            (importer, found) for importer, found in sites if found.name in modules and importer not in wheel.modules
        ]
        if any(not found.is_guarded for _, found in outside) or (outside and _is_asked_for(wheel, all_wheels, wanted)):
            try:
                if not rust.is_of_rust(wheel):
                    raise rust.NotBuilt("it exists for Linux and not for WASI")
                size = rust.place(wheel, wanted, staged / "packages")
                print(f"the guest has the Rust code of `{wheel.name}` {wheel.version}, {size / 1e6:.1f} MB")
            except rust.NotBuilt as why:
                refusals.append(_refusal(wheel, modules, outside, all_wheels, wanted, why))
        elif outside or wheel.tops() & set(modules):
            what = "who imports it goes on without" if outside else "nothing in the guest imports it"
            useless.append((wheel, what))
    if refusals:
        raise Refused("\n".join(refusals))
    for wheel, what in useless:
        print(f"note: `{wheel.name}` {wheel.version} is left out: it needs its native code, and {what}")
        wheels.take_back(wheel, staged / "packages")


def _lost(native_wheels, packages):
    """Returns, by package, the modules that can't be imported without native code, with the reasons."""
    missing = [module for wheel in native_wheels for module in wheel.native]
    public = [name for wheel in native_wheels for name in sorted({*wheel.modules, *wheel.native}) if _is_public(name)]
    if not public:
        return {}
    failed = _try(packages, public, missing)
    lost = {}
    for wheel in native_wheels:
        own = {name: reason for name, reason in failed.items() if name in wheel.modules or name in wheel.native}
        optional = _optional(wheel, own, packages)
        if own := {name: reason for name, reason in own.items() if name not in optional}:
            lost[wheel.name] = own
    return lost


def _is_public(name):
    parts = name.split(".")
    internal = ("tests", "test", "conftest")
    return not any(part.startswith("_") or part.endswith("__mypyc") or part in internal for part in parts)


def _try(packages, modules, missing):
    request = json.dumps({"packages": str(packages), "modules": modules, "native": missing})
    trial = Path(__file__).with_name("trial.py")
    try:
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-B", trial],
            # An argument must not be so long.
            input=request.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=packages, timeout=_PATIENCE,
        )
        return json.loads(ran.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        # Its own top then has to tell, in the guest.
        print("note: whether packages do without their native code could not be tried out here")
        return {}


def _optional(wheel, failed, packages):
    """The failing modules that a working module of the same package tries out, as `yaml` does with `yaml.cyaml`."""
    if wheel.tops() & set(failed):
        return set()
    optional = set()
    for name, path in graph.modules(packages).items():
        if name in wheel.modules and name not in failed:
            optional |= {found.name for found in graph.imports(path, name) if found.is_guarded and found.name in failed}
    return optional


def _is_asked_for(wheel, all_wheels, wanted):
    """Whether the user names a package, or an extra of another one that needs it."""
    for requirement in wanted.requirements():
        if canonicalize_name(requirement.name) == wheel.name:
            return True
        for other in all_wheels:
            if other.name == canonicalize_name(requirement.name):
                for extra in requirement.extras:
                    if any(_needs(needed, wheel, extra) and not _needs(needed, wheel, "") for needed in other.requires):
                        return True
    return False


def _needs(requirement, wheel, extra):
    if canonicalize_name(requirement.name) != wheel.name:
        return False
    return requirement.marker is None or requirement.marker.evaluate({**environment(), "extra": extra})


def _refusal(wheel, modules, sites, all_wheels, wanted, why):
    names = sorted({found.name for _, found in sites}, key=lambda name: (name.count("."), name))
    missing, error = modules[names[0]]
    needs = f"its module `{names[0]}` needs native code, " + (f"`{missing}`" if missing else f"and fails: {error}")
    needed_by = sorted(other.name for other in all_wheels if _needs_wheel(other, wheel, wanted))
    who = f" (which {' and '.join(needed_by)} need{'s' if len(needed_by) == 1 else ''})" if needed_by else ""
    where = sorted({importer for importer, _ in sites})[:3]
    imported = f", and `{'`, `'.join(where)}` import{'s' if len(where) == 1 else ''} it" if where else ""
    return (
        f"the package `{wheel.name}` {wheel.version}{who} can't run in a guest\n"
        f"  {needs}{imported}; {why.reason}\n"
        f"hint: {f'{why.hint}; or else: ' if why.hint else ''}{advice.instead_of(wheel.name)}"
    )


def _needs_wheel(other, wheel, wanted):
    extras = {""} | {
        extra for asked in wanted.requirements() if canonicalize_name(asked.name) == other.name for extra in asked.extras
    }
    return any(_needs(requirement, wheel, extra) for requirement in other.requires for extra in extras)
