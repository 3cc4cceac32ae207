"""Makes what a release has of programs that were built: the layer, the tool's packages, the list of parts, checksums.

The same programs give the same bytes: entries are sorted, and their times, owners and modes are fixed.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

# 1 January 1980, the earliest time that a zip file can have.
TIME = 315_532_800
GLIBC = (2, 34)
# Lambda's names of the processors, with those of Python, of Node and of Rust.
PROCESSORS = {
    "x86_64": ("x86_64", "x64", "x86_64-unknown-linux-gnu"),
    "arm64": ("aarch64", "arm64", "aarch64-unknown-linux-gnu"),
}
DESCRIPTION = "Runs WebAssembly handlers on AWS Lambda: the developer's tool"
LAUNCHER = """#!/usr/bin/env node
// Starts the tool for this machine's processor, and ends as it does.
const { spawn } = require("node:child_process");
const path = require("node:path");
const tool = path.join(__dirname, process.arch, "guesthouse");
const child = spawn(tool, process.argv.slice(2), { stdio: "inherit" });
// A terminal sends this to both.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`error: can't start ${tool}: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (code) => (process.exitCode = code ?? 1));
"""


def check_symbols(program):
    """Ends this script if a program needs a newer glibc than Lambda's Amazon Linux 2023 has."""
    text = subprocess.run(["readelf", "-W", "-V", program], check=True, capture_output=True, text=True).stdout
    needed = {tuple(map(int, found.split("."))) for found in re.findall(r"Name: GLIBC_([0-9.]+)", text)}
    if not needed:
        sys.exit(f"{program} names no version of glibc")
    if max(needed) > GLIBC:
        sys.exit(f"{program} needs glibc {'.'.join(map(str, max(needed)))}, and Lambda has 2.34")


def write_tar(path, files):
    """Writes a `.tar.gz` file of `(name, bytes, mode)`."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data, mode in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), mode, TIME
            archive.addfile(entry, io.BytesIO(data))
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=TIME) as packed:
        packed.write(plain.getvalue())


def write_wheel(path, files, information):
    """Writes a wheel of `(name, bytes, mode)`, and the record of its files."""
    digest = lambda data: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    record = f"{information}/RECORD"
    files = sorted(files)
    lines = [f"{name},sha256={digest(data)},{len(data)}\n" for name, data, _ in files] + [f"{record},,\n"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data, mode in files + [(record, "".join(lines).encode(), 0o644)]:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


def parts(version, metadata):
    """Returns the list of all crates in the programs, in the format CycloneDX 1.5."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    uses = lambda node: [
        dependency["pkg"]
        for dependency in node["deps"]
        if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"])
    ]
    [root] = [id for id, package in packages.items() if package["name"] == "guesthouse"]
    reached, waiting = set(), [root]
    while waiting:
        id = waiting.pop()
        if id not in reached:
            reached.add(id)
            waiting += uses(nodes[id])
    purl = lambda id: f"pkg:cargo/{packages[id]['name']}@{packages[id]['version']}"
    component = lambda id: {
        "type": "library",
        "bom-ref": purl(id),
        "name": packages[id]["name"],
        "version": packages[id]["version"],
        "purl": purl(id),
        "licenses": [{"expression": packages[id]["license"].replace("/", " OR ")}] if packages[id]["license"] else [],
    }
    main = {"type": "application", "bom-ref": purl(root), "name": "guesthouse", "version": version, "purl": purl(root)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": main},
        "components": sorted(map(component, reached - {root}), key=lambda part: part["bom-ref"]),
        "dependencies": sorted(
            ({"ref": purl(id), "dependsOn": sorted({purl(used) for used in uses(nodes[id])})} for id in reached),
            key=lambda part: part["ref"],
        ),
    }


def main():
    version, native, binaries, output, root, metadata, *processors = sys.argv[1:]
    binaries, output, root = map(pathlib.Path, (binaries, output, root))
    read = lambda processor, program: (binaries / processor / program).read_bytes()
    license = (root / "LICENSE").read_bytes()
    hosts = [(f"lib/guesthouse/bootstrap-{name}", read(name, "bootstrap-lean"), 0o755) for name in processors]
    node = [("package/" + name, data, mode) for name, data, mode in hosts]
    for name in processors:
        python, nodes, _ = PROCESSORS[name]
        for program in ("bootstrap-lean", "bootstrap-full", "guesthouse"):
            check_symbols(binaries / name / program)
        for program in ("bootstrap-lean", "bootstrap-full"):
            target = output / f"{program}-{version}-{name}"
            target.write_bytes(read(name, program))
            target.chmod(0o755)
        layer = output / f"guesthouse-layer-{version}-{name}.zip"
        options = ["--host", "--arch", name, "--bootstrap", binaries / name / "bootstrap-lean", "-o", layer]
        subprocess.run([binaries / native / "guesthouse", "package", *options], check=True)
        tool = read(name, "guesthouse")
        files = [("bin/guesthouse", tool, 0o755), ("LICENSE", license, 0o644), *hosts]
        top = f"guesthouse-{version}-{name}"
        write_tar(output / f"{top}.tar.gz", [(f"{top}/{path}", data, mode) for path, data, mode in files])
        tag, information, data = f"py3-none-manylinux_2_34_{python}", f"guesthouse-{version}.dist-info", f"guesthouse-{version}.data"
        about = f"Metadata-Version: 2.4\nName: guesthouse\nVersion: {version}\nSummary: {DESCRIPTION}\nLicense-Expression: Apache-2.0\nLicense-File: LICENSE\nRequires-Python: >=3.8\n"
        wheel = f"Wheel-Version: 1.0\nGenerator: guesthouse\nRoot-Is-Purelib: false\nTag: {tag}\n"
        files = [
            (f"{data}/scripts/guesthouse", tool, 0o755),
            *((f"{data}/data/{path}", content, mode) for path, content, mode in hosts),
            (f"{information}/METADATA", about.encode(), 0o644),
            (f"{information}/WHEEL", wheel.encode(), 0o644),
            (f"{information}/licenses/LICENSE", license, 0o644),
        ]
        write_wheel(output / f"guesthouse-{version}-{tag}.whl", files, information)
        node.append((f"package/{nodes}/guesthouse", tool, 0o755))
    about = {
        "name": "guesthouse",
        "version": version,
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "bin": {"guesthouse": "guesthouse.js"},
        "os": ["linux"],
        "cpu": [PROCESSORS[name][1] for name in processors],
    }
    node += [
        ("package/package.json", json.dumps(about, indent=2).encode() + b"\n", 0o644),
        ("package/guesthouse.js", LAUNCHER.encode(), 0o755),
        ("package/LICENSE", license, 0o644),
    ]
    write_tar(output / f"guesthouse-{version}-npm.tgz", node)
    listed = parts(version, json.loads(pathlib.Path(metadata).read_text()))
    (output / f"guesthouse-{version}.cdx.json").write_text(json.dumps(listed, indent=1) + "\n")
    sums = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(output.iterdir())
        if file.name != "SHA256SUMS"
    ]
    (output / "SHA256SUMS").write_text("".join(sums))
    for file in sorted(output.iterdir()):
        print(f"{file.stat().st_size:>11} {file.name}")


os.umask(0o022)
main()
