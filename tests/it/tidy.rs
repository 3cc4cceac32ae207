//! The documentation and the tests are complete and agree with the source.

use std::{fs, path::PathBuf};

use guesthouse::config::variables;

use crate::support::{
    faults::{self, Afterwards},
    guests, root,
    sources::files,
};

/// wasmtime itself compares its major version only.
#[test]
fn machine_code_is_recognized_by_the_versions_that_are_built() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let version = |name: &str| {
        let package = lock.split("[[package]]").find(|package| package.contains(&format!("\nname = \"{name}\"\n")));
        package.unwrap().split("version = \"").nth(1).unwrap().split('"').next().unwrap()
    };
    let expected = format!("guesthouse {}, wasmtime {}", version("guesthouse"), version("wasmtime"));
    assert_eq!(guesthouse::engine::CODE_VERSION, expected);
}

/// Returns the text of a file of the repository.
fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn every_variable_is_in_the_page_on_configuration() {
    let page = text_of("docs/configuration.md");
    // The lists of variables that guests see or do not see are private: the source has each name on a line of its own.
    let source = text_of("host/src/config/variables.rs");
    let listed = source.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let listed: Vec<&str> = listed.collect();
    assert!(listed.contains(&"AWS_REGION") && listed.contains(&"NPM_TOKEN"), "{listed:?}");
    for variable in variables::ALL.iter().copied().chain(listed) {
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
    }
}

#[test]
fn every_error_type_is_in_the_page_on_errors() {
    let page = text_of("docs/errors.md");
    let failure = text_of("host/src/failure.rs");
    let code = failure.split("#[cfg(test)]").next().unwrap();
    let names = code.split('"').filter(|part| {
        ["Guest.", "Host.", "Function."].iter().any(|start| part.starts_with(start) && part != start)
            && !part.contains('{')
    });
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_readme_is_short() {
    let words = text_of("README.md").split_whitespace().count();
    assert!(words <= 1_000, "README.md has {words} words, more than 1,000: move text to a page in docs/");
}

#[test]
fn the_documentation_shows_the_functions_that_the_command_beside_them_runs() {
    for (page, file) in [
        ("README.md", "people/app.py"),
        ("README.md", "people/guesthouse.toml"),
        ("docs/network.md", "weather/handler.js"),
        ("docs/network.md", "weather/guesthouse.toml"),
    ] {
        assert!(text_of(page).contains(&text_of(&format!("guests/network/{file}"))), "{file}");
    }
}

#[test]
fn relative_links_in_the_documentation_lead_to_files() {
    let pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "tests/faults.md"];
    let pages = pages.iter().map(|page| root().join(page)).filter(|page| page.exists());
    let guests = root().join("guests");
    let samples = fs::read_dir(&guests).unwrap().flatten().map(|entry| entry.path().join("README.md"));
    let samples = samples.chain([guests.join("sdk/js/README.md")]).filter(|page| page.exists());
    let mut links = 0;
    for page in pages.chain(samples).chain(files(&root().join("docs"))) {
        let text = fs::read_to_string(&page).unwrap();
        for link in relative_links(&text) {
            let leads_to_a_file = page.parent().unwrap().join(link).exists();
            assert!(leads_to_a_file, "{} links to `{link}`, which is not there", page.display());
            links += 1;
        }
    }
    assert!(links > 100, "only {links} links were found");
}

/// Returns the targets of a page's relative links, without the headings that they name.
fn relative_links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let relative = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    relative.filter_map(|target| target.split('#').next()).filter(|path| !path.is_empty())
}

/// What two modules of tests need belongs into `support`, where it is found.
#[test]
fn modules_of_tests_use_nothing_of_each_other() {
    let main = text_of("tests/it/main.rs");
    let modules: Vec<&str> = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    assert!(modules.len() > 30 && modules.contains(&"tidy"));
    for module in modules.into_iter().filter(|module| !["fuzz_targets", "support"].contains(module)) {
        let code = text_of(&format!("tests/it/{module}.rs"));
        for used in code.lines().filter_map(|line| line.strip_prefix("use crate::")) {
            let is_shared = ["support::", "{fuzz_targets, support::"].iter().any(|home| used.starts_with(home));
            assert!(is_shared, "{module}.rs uses {used}");
        }
    }
}

#[test]
fn names_of_tests_have_fewer_than_80_characters() {
    for file in files(&root().join("tests/it")) {
        let text = fs::read_to_string(&file).unwrap();
        for test in text.split("#[test]\n").skip(1) {
            let name = test.split("fn ").nth(1).unwrap().split('(').next().unwrap();
            assert!(name.len() < 80, "{}: {name} has {} characters", file.display(), name.len());
        }
    }
}

#[test]
fn every_fixture_is_used_by_a_test() {
    let directories = ["tests/it", "tests/xtask"];
    let files = directories.iter().flat_map(|directory| files(&root().join(directory)));
    let tests: String = files.filter_map(|file| fs::read_to_string(file).ok()).collect();
    for fixture in guests::fixtures() {
        assert!(tests.contains(&format!("\"{fixture}\"")), "no test uses the fixture `{fixture}`");
    }
}

fn page_of_faults() -> String {
    text_of("tests/faults.md")
}

#[test]
fn the_page_of_faults_lists_those_that_are_caused() {
    let page = page_of_faults();
    let table = page.split("## In guests").nth(1).unwrap().split("These have tests").next().unwrap();
    let listed: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    let faults = faults::all();
    let expected = faults.iter().map(|fault| {
        let next = if fault.instance == Afterwards::Kept { "the same" } else { "a new one" };
        format!("| {} | `{}` | {next} |", fault.name, fault.error_type)
    });
    let expected: Vec<String> = expected.collect();
    expected.iter().for_each(|row| assert!(listed.contains(&row.as_str()), "{row}"));
    assert_eq!(listed.len(), expected.len());
}

#[test]
fn the_tests_that_the_page_of_faults_names_are_there() {
    let modules: Vec<PathBuf> = files(&root().join("tests/it"));
    let named = page_of_faults().split('`').filter(|part| part.contains("::")).map(str::to_owned).collect::<Vec<_>>();
    assert!(named.len() > 20);
    for test in named {
        let (module, name) = test.split_once("::").unwrap();
        let file =
            modules.iter().find(|file| file.ends_with(format!("{module}.rs"))).unwrap_or_else(|| panic!("{test}"));
        assert!(fs::read_to_string(file).unwrap().contains(&format!("fn {name}()")), "{test}");
    }
}
