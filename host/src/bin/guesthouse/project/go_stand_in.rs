//! This module has the stand-in for the package `lambda` of AWS's module for Go. A function that imports that package
//! is built with a copy of the module in which the SDK's `lambda` is in its place. So nothing of the function changes,
//! and `events`, `lambdacontext` and all else are those of the version that the function names.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use guesthouse::files;

use super::{
    Language,
    go_modules::{AWS, Kind, Project},
    templates,
    tools::output,
};

/// The package that is replaced. The SDK's other packages are below it.
pub const LAMBDA: &str = "github.com/aws/aws-lambda-go/lambda";

/// Puts the stand-in into the project's build.
pub fn put(project: &mut Project) -> anyhow::Result<()> {
    let (original, copy) = match project.kind() {
        Kind::Vendor { root } => (root.join("vendor").join(AWS), project.temporary("vendor").join(AWS)),
        Kind::Module { .. } | Kind::Workspace => {
            let found = output(project.go("list")?.args(["-m", "-f", "{{.Dir}}", AWS]), project.missing())?;
            (found.trim().into(), project.temporary("aws-lambda-go"))
        }
    };
    if !original.join("lambda/handlertrace").is_dir() {
        bail!("the function's version of `{AWS}` is too old\nhint: go get {AWS}@v1.54.0");
    }
    if copy.is_symlink() {
        fs::remove_file(&copy).context("can't change the copy of `vendor`")?;
    }
    copy_module(&original, &copy)?;
    let has_tenants = fs::read_to_string(original.join("lambdacontext/context.go"))
        .is_ok_and(|text| text.split_whitespace().any(|word| word == "TenantID"));
    for (path, text) in templates::sdk(Language::Go) {
        if let Some(text) = adapted(path, text, has_tenants) {
            let path = copy.join("lambda").join(path.strip_prefix("lambda/").unwrap_or(path));
            let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
            written.with_context(|| format!("can't write `{}`", path.display()))?;
        }
    }
    match project.kind() {
        Kind::Vendor { .. } => {
            let list = project.temporary("vendor/modules.txt");
            let listed = files::read_text(&list).context("can't read `vendor/modules.txt`")?;
            fs::write(&list, with_packages(&listed)).context("can't change the copy of `vendor`")
        }
        Kind::Module { .. } | Kind::Workspace => project.replace_module(AWS, &copy),
    }
}

/// Copies AWS's module without the files of the package that is replaced, without tests, and without programs.
fn copy_module(from: &Path, to: &Path) -> anyhow::Result<()> {
    let can_not = || format!("can't copy `{}`", from.display());
    fs::create_dir_all(to).with_context(can_not)?;
    for entry in fs::read_dir(from).with_context(can_not)? {
        let entry = entry.with_context(can_not)?;
        // A link may lead to what the project is not to have, and Go itself embeds none.
        if entry.file_type().with_context(can_not)?.is_symlink() {
            continue;
        }
        let path = entry.path();
        let (Some(name), is_directory) = (path.file_name().and_then(|name| name.to_str()), path.is_dir()) else {
            continue;
        };
        let is_replaced = from.ends_with("lambda") && !is_directory;
        if is_replaced || name == "testdata" || name == "cmd" || name.ends_with("_test.go") {
            continue;
        }
        match is_directory {
            true => copy_module(&path, &to.join(name))?,
            // The bytes alone: what Go downloaded is read-only, and so would the copy be.
            false => fs::read(&path).and_then(|bytes| fs::write(to.join(name), bytes)).with_context(can_not)?,
        }
    }
    Ok(())
}

/// Returns a file of the SDK as one of AWS's module, or nothing where it is for programs of the machine itself.
fn adapted(path: &str, text: &str, has_tenants: bool) -> Option<String> {
    if path.ends_with(".s") {
        return Some(text.to_owned());
    }
    if !path.ends_with(".go") || text.starts_with("//go:build !wasip1") || is_for_http(path) {
        return None;
    }
    let mut text = text.replace("\"guesthouse.dev/go/", &format!("\"{LAMBDA}/"));
    if !has_tenants {
        text = text.replace("\t\tTenantID: in.tenantID,\n", "");
    }
    // AWS's module is written in an older version of the language, which a file can raise.
    Some(match text.starts_with("//go:build ") {
        true => text.replacen("//go:build ", "//go:build go1.24 && ", 1),
        false => format!("//go:build go1.24\n\n{text}"),
    })
}

/// Returns whether a file or a directory of the SDK is the other kind of handler, of which AWS's module has none.
fn is_for_http(path: &str) -> bool {
    path.starts_with("lambdahttp")
}

/// Returns the list of vendored packages with the SDK's in it.
fn with_packages(listed: &str) -> String {
    let files = templates::sdk(Language::Go).iter().filter(|(path, _)| path.ends_with(".go"));
    let directories = files.filter_map(|(path, _)| path.rsplit_once('/').map(|(directory, _)| directory));
    let mut packages: Vec<_> = directories
        .filter(|directory| *directory != "lambda" && !is_for_http(directory))
        .map(|directory| format!("{LAMBDA}/{directory}\n"))
        .collect();
    packages.dedup();
    let lambda = format!("{LAMBDA}\n");
    listed.replacen(&lambda, &(lambda.clone() + &packages.concat()), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_sdk_becomes_one_of_awss_module() {
        let text = "package lambda\n\nimport \"guesthouse.dev/go/internal/arena\"\n";
        let expected = "//go:build go1.24\n\npackage lambda\n\nimport \
                        \"github.com/aws/aws-lambda-go/lambda/internal/arena\"\n";
        assert_eq!(adapted("lambda/guest_wasip1.go", text, true).as_deref(), Some(expected));
        assert_eq!(adapted("lambda/native.go", "//go:build !wasip1\n", true), None);
        assert_eq!(adapted("go.mod", "module guesthouse.dev/go\n", true), None);
        assert_eq!(adapted("lambdahttp/fields.go", "package lambdahttp\n", true), None);
    }

    /// Versions before 1.50 have no such field.
    #[test]
    fn an_older_context_has_no_tenant() {
        let (_, text) = templates::sdk(Language::Go).iter().find(|(path, _)| *path == "lambda/invocation.go").unwrap();
        assert!(adapted("lambda/invocation.go", text, true).unwrap().contains("TenantID:"));
        assert!(!adapted("lambda/invocation.go", text, false).unwrap().contains("TenantID:"));
    }

    #[test]
    fn the_list_of_vendored_packages_has_the_sdks() {
        let listed = with_packages("# github.com/aws/aws-lambda-go v1.47.0\ngithub.com/aws/aws-lambda-go/lambda\nb\n");
        assert!(listed.contains("/lambda\ngithub.com/aws/aws-lambda-go/lambda/internal/arena\n"));
        assert!(listed.contains("github.com/aws/aws-lambda-go/lambda/network/sockets\n") && listed.ends_with("b\n"));
        assert!(!listed.contains("lambda/lambda"));
    }
}
