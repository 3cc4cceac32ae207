//! This module builds guests in Go: functions for AWS's own runtime as they are, those that import the SDK, and
//! programs.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, bail};

use super::{
    go_modules::Project,
    go_overlay, go_stand_in,
    tools::{output, run_to_end},
};

/// The oldest version of Go that has what the SDK needs.
const GO: (u32, u32) = (1, 24);

/// The module of the SDK, as a project names it that has a copy.
const SDK: &str = "guesthouse.dev/go";

/// Builds the project's package. Nothing but the guest is written into the project's directory.
pub fn build(directory: &Path, guest: &Path) -> anyhow::Result<()> {
    let missing = format!("install Go {}.{} or newer, <https://go.dev/dl>", GO.0, GO.1);
    check_version(directory, &missing)?;
    let mut project = Project::new(directory, &missing)?;
    let mut listed = packages(&project)?;
    project.tell_assumed()?;
    let imports = |package: &str| listed.lines().any(|line| line == package);
    let sdk = if imports(&format!("{SDK}/lambda")) || imports(&format!("{SDK}/lambdahttp")) {
        Some(SDK)
    } else if imports(go_stand_in::LAMBDA) {
        go_stand_in::put(&mut project)?;
        // AWS's own package uses the network, and the function may not.
        listed = packages(&project)?;
        Some(go_stand_in::LAMBDA)
    } else {
        None
    };
    // Without a handler it is a command.
    let mode = if sdk.is_some() { "-buildmode=c-shared" } else { "-buildmode=exe" };
    let tags = tags(&project, &listed)?;
    let built = project.temporary("guest.wasm");
    let run = |mut build: Command| {
        build.args([mode, "-trimpath", "-o"]).arg(&built).args(&tags);
        run_to_end(build.arg("."), &missing)
    };
    run(project.go("build")?)?;
    if let Some(sdk) = sdk {
        let bytes = fs::read(&built).context("can't read what Go built")?;
        if let Some(toolchain) = go_overlay::put(&mut project, &bytes, sdk)? {
            run(project.go_of(&toolchain, "build")?)?;
        }
    }
    fs::copy(&built, guest).with_context(|| format!("can't write `{}`", guest.display()))?;
    Ok(())
}

/// A package, which `gin` imports, and a tag of its own that leaves out its fast path for slices and maps. What it does
/// stays the same. Beside `gin`, the linker keeps all of its methods, which would be more than half of a guest.
const LARGE: (&str, &str) = ("github.com/ugorji/go/codec", "codec.notfastpath");

/// Returns the flag for tags, which would override those of `GOFLAGS`.
fn tags(project: &Project, listed: &str) -> anyhow::Result<Option<String>> {
    if !listed.lines().any(|line| line == LARGE.0) {
        return Ok(None);
    }
    let flags = project.env("GOFLAGS")?;
    let own = flags.split_whitespace().find_map(|flag| flag.trim_start_matches('-').strip_prefix("tags="));
    Ok(Some(own.map_or_else(|| format!("-tags={}", LARGE.1), |own| format!("-tags={own},{}", LARGE.1))))
}

/// Returns the packages that the guest is made of, each on a line.
fn packages(project: &Project) -> anyhow::Result<String> {
    output(project.go("list")?.args(["-deps", "-f", "{{.ImportPath}}", "."]), project.missing())
}

fn check_version(directory: &Path, missing: &str) -> anyhow::Result<()> {
    let mut version = Command::new("go");
    let version = output(version.current_dir(directory).args(["env", "GOVERSION"]), missing)?;
    // `go1.27rc1` counts as 1.27. The version of `devel …` is unknown, and may be sufficient.
    let digits = |part: &str| part.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok();
    let mut numbers = version.trim().trim_start_matches("go").split('.').map_while(digits);
    if numbers.next().zip(numbers.next()).is_some_and(|found| found < GO) {
        bail!("this is Go `{}`\nhint: {missing}", version.trim());
    }
    Ok(())
}
