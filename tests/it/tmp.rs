//! What a guest may keep in `/tmp`: how much, how many, how deep. Each limit is obeyed, and violated.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Event, Host, guests, program, served::Served, wait_for};

const MIB: usize = 1024 * 1024;
const FULL: &str = "insufficient-space";

/// A directory in `/tmp`, and its name there.
fn directory() -> (TempDir, String) {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let name = directory.path().file_name().unwrap().to_str().unwrap().to_owned();
    (directory, name)
}

fn with_limit(limit: &str) -> Host {
    Host::of("fill_tmp").tmp_limit(limit).start()
}

fn with_limit_and_workers(limit: &str, workers: usize) -> Host {
    let host = Host::of("fill_tmp").tmp_limit(limit).concurrency(workers).start();
    host.fake.wait_for_workers(workers);
    host
}

/// What came of each step.
fn does(host: &Host, steps: &Value) -> Vec<String> {
    serde_json::from_str(&host.response(steps.to_string())).unwrap()
}

#[test]
fn a_guest_may_fill_its_limit_and_not_more() {
    let (directory, name) = directory();
    let (a, b) = (format!("{name}/a"), format!("{name}/b"));
    let host = with_limit("3MiB");
    let steps = json!([{"write": [a, 2 * MIB]}, {"write": [b, MIB]}, {"append": [b, 1]}, {"resize": [b, 2 * MIB]}]);
    assert_eq!(does(&host, &steps), ["2097152", "1048576", FULL, FULL]);
    // Of what does not fit so much is written as does.
    let steps = json!([{"write": [a, MIB]}, {"append": [b, 2 * MIB]}]);
    assert_eq!(does(&host, &steps), ["1048576", FULL]);
    assert_eq!(fs::metadata(directory.path().join("b")).unwrap().len(), 2 * MIB as u64);
    assert_eq!(does(&host, &json!([{"resize": [b, MIB]}])), ["0"]);
    assert_eq!(fs::metadata(directory.path().join("b")).unwrap().len(), MIB as u64);
    let said = |line: &String| line.contains("`/tmp` is full: it may keep 3.0 MiB there");
    wait_for("the line", || host.program.lines().iter().any(said).then_some(()));
    assert_eq!(host.program.lines().iter().filter(|line| said(line)).count(), 1, "{:#?}", host.program.lines());
    assert_eq!(does(&host, &json!([{"write": [a, 2 * MIB]}, {"append": [a, 1]}])), ["2097152", FULL]);
}

#[test]
fn what_is_removed_shortened_or_replaced_gives_its_room_back() {
    let (_directory, name) = directory();
    let at = |file: &str| format!("{name}/{file}");
    let host = with_limit("1MiB");
    let whole = |file: &str| json!({"write": [at(file), MIB]});
    let steps = json!([
        whole("a"), {"write": [at("b"), 1]}, {"remove": at("a")}, {"write": [at("b"), 1]}, {"remove": at("b")}, whole("c"),
        {"resize": [at("c"), 0]}, {"write": [at("d"), MIB / 2]}, {"rename": [at("c"), at("d")]}, whole("d"),
        {"link": [at("d"), at("e")]}, {"resize": [at("d"), MIB / 2]}, {"link": [at("d"), at("e")]}, {"remove": at("d")},
        whole("f"), {"remove": at("e")}, whole("f"),
    ]);
    let m = "1048576";
    let expected = [m, FULL, "0", "1", "0", m, "0", "524288", "0", m, FULL, "0", "0", "0", FULL, "0", m];
    assert_eq!(does(&host, &steps), expected);
}

/// Else it would be a way to have more than the limit.
#[test]
fn a_removed_file_takes_its_room_until_it_is_closed() {
    let (_directory, name) = directory();
    let at = |file: &str| format!("{name}/{file}");
    let host = with_limit("1MiB");
    let steps = json!([{"hold": [at("a"), MIB]}, {"write": [at("b"), 1]}, "release", {"write": [at("b"), MIB]}]);
    assert_eq!(does(&host, &steps), ["1048576", FULL, "1", "1048576"]);
}

#[test]
fn directories_and_links_take_room_too() {
    let (_directory, name) = directory();
    let at = |file: &str| format!("{name}/{file}");
    let host = with_limit("8KiB");
    let steps = json!([
        {"directory": at("a")}, {"symlink": ["a", at("b")]}, {"directory": at("c")}, {"symlink": ["a", at("c")]},
        {"remove": at("b")}, {"directory": at("c")}, {"remove-directory": at("a")}, {"remove-directory": at("c")}, {"write": [at("d"), 8192]},
    ]);
    let outcomes = does(&host, &steps);
    assert_eq!(outcomes[..3], ["0", "0", FULL]);
    assert_eq!(outcomes[4..], ["0", "0", "0", "0", "8192"]);
}

#[test]
fn the_limit_is_for_all_instances_together() {
    let (_directory, name) = directory();
    let host = Host::of("fill_tmp").tmp_limit("1MiB").fresh().start();
    let write = |file: &str, bytes: usize| json!([{"write": [format!("{name}/{file}"), bytes]}]);
    assert_eq!(does(&host, &write("a", MIB / 2)), ["524288"]);
    assert_eq!(does(&host, &write("b", MIB / 2)), ["524288"]);
    assert_eq!(does(&host, &write("c", 1)), [FULL]);
}

/// Each makes links and removes names that another has just checked. What is left after that is still counted.
#[test]
fn instances_that_get_in_each_others_way_do_not_get_past_the_limit() {
    let (directory, name) = directory();
    let at = |file: &str| format!("{name}/{file}");
    let host = with_limit_and_workers("1MiB", 4);
    let steps: Vec<Value> = (0..200)
        .flat_map(|_| {
            [
                json!({"write": [at("a"), 65_536]}),
                json!({"link": [at("a"), at("b")]}),
                json!({"rename": [at("b"), at("c")]}),
                json!({"remove": at("a")}),
                json!({"append": [at("c"), 65_536]}),
                json!({"rename": [at("c"), at("a")]}),
            ]
        })
        .collect();
    for _ in 0..8 {
        host.fake.send(Event::new(json!(steps).to_string()));
    }
    for _ in 0..8 {
        host.fake.post().response();
    }
    let files: Vec<PathBuf> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.iter().map(|file| fs::metadata(file).unwrap().len()).sum::<u64>() <= MIB as u64);
    let remove: Vec<Value> = ["a", "b", "c"].iter().map(|file| json!({"remove": at(file)})).collect();
    does(&host, &json!(remove));
    assert_eq!(does(&host, &json!([{"write": [at("a"), MIB]}, {"append": [at("a"), 1]}])), ["1048576", FULL]);
}

/// By handles, which have no longest path.
#[test]
fn directories_may_be_nested_64_deep_and_not_deeper() {
    let (directory, name) = directory();
    let host = Host::of("fill_tmp").start();
    assert_eq!(does(&host, &json!([{"nest": [name, 62]}, {"nest": [name, 0]}])), ["62", "0"]);
    fs::remove_dir_all(directory.path().join("d")).unwrap();
    assert_eq!(does(&host, &json!([{"nest": [name, 70]}])), ["63"]);
}

#[test]
fn directories_can_not_be_moved_deeper_than_they_may_be_nested() {
    let (directory, name) = directory();
    let at = |path: &str| format!("{name}/{path}");
    let host = Host::of("fill_tmp").start();
    let deep = format!("a{}", "/d".repeat(40));
    let steps = json!([
        {"directory": at("a")}, {"nest": [at("a"), 40]}, {"directory": at("b")}, {"nest": [at("b"), 22]}, {"directory": at("c")}, {"nest": [at("c"), 21]},
        {"rename": [at("b"), at(&format!("{deep}/b"))]}, {"rename": [at("c"), at(&format!("{deep}/c"))]},
    ]);
    let outcomes = does(&host, &steps);
    assert_eq!(outcomes[..6], ["0", "40", "0", "22", "0", "21"]);
    assert_eq!(outcomes[6..], ["name-too-long", "0"]);
    assert!(directory.path().join("b").exists() && !directory.path().join("c").exists());
    // Up, and beside it, anything may be moved.
    let steps = json!([{"rename": [at(&format!("{deep}/c")), at("c")]}, {"rename": [at("c"), at("e")]}]);
    assert_eq!(does(&host, &steps), ["0", "0"]);
}

/// On a filesystem of 4 MiB with 200 files, of which a sixteenth is kept back, and the directory itself is one. Nobody
/// sees it but the host.
#[test]
fn a_full_disk_is_an_error_of_the_guests_and_nothing_else() {
    for (step, expected) in [
        (json!({"write": ["a", 3 * MIB]}), "3145728"),
        (json!({"write": ["a", 4 * MIB - 100_000]}), FULL),
        (json!({"files": 150}), "150"),
        (json!({"files": 300}), "187"),
    ] {
        let host = on_a_small_disk();
        assert_eq!(does(&host, &json!([step])), [expected], "{step}");
        assert_eq!(does(&host, &json!([{"remove": if step.get("files").is_some() { "empty-0" } else { "a" }}])), ["0"]);
        assert_eq!(does(&host, &json!([{"write": ["b", 1000]}])), ["1000"], "{step}");
    }
}

fn on_a_small_disk() -> Host {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("bootstrap");
    // What it starts may itself be below `/tmp`, which the small disk covers.
    let text = format!(
        "#!/bin/sh\nexec unshare --user --map-root-user --mount sh -c '
            exec 3< {program} && mount --bind \"$LAMBDA_TASK_ROOT\" /mnt && mount -t tmpfs -o size=4m,nr_inodes=200 small /tmp &&
            LAMBDA_TASK_ROOT=/mnt exec /proc/self/fd/3'\n",
        program = program("bootstrap").display(),
    );
    fs::write(&script, text).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, executable).unwrap();
    Host::of("fill_tmp").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").program(&script).start()
}

fn serve(tmp: &Path, arguments: &[&str]) -> Served {
    Served::with_tmp(&guests::path("fill_tmp"), tmp, arguments)
}

fn scratch(tmp: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(tmp).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("guesthouse-")).collect()
}

#[test]
fn locally_each_function_has_the_room_of_lambda_unless_a_setting_says_otherwise() {
    let tmp = tempfile::tempdir().unwrap();
    let ask = |served: &Served, steps: &Value| served.invoke("fill_tmp", steps.to_string()).response_json();
    // 512 MiB, of which nothing is written.
    let served = serve(tmp.path(), &[]);
    let steps = json!([{"write": ["a", 0]}, {"resize": ["a", 512 * MIB]}, {"resize": ["a", 512 * MIB + 1]}]);
    assert_eq!(ask(&served, &steps), json!(["0", "0", FULL]));
    let served = serve(tmp.path(), &["--env", "GUESTHOUSE_TMP_LIMIT=1MiB"]);
    assert_eq!(ask(&served, &json!([{"write": ["a", MIB]}, {"append": ["a", 1]}])), json!(["1048576", FULL]));
}

#[test]
fn whatever_a_guest_leaves_behind_is_removed_when_serve_ends() {
    let tmp = tempfile::tempdir().unwrap();
    let mut served = serve(tmp.path(), &[]);
    let steps =
        json!([{"directory": "a"}, {"nest": ["a", 100_000]}, {"files": 2000}, {"symlink": ["/", "root"]}]).to_string();
    let done = served.invoke("fill_tmp", steps).response_json();
    assert_eq!(done, json!(["0", "63", "2000", done[3]]));
    assert_eq!(scratch(tmp.path()).len(), 1);
    served.program.terminate();
    served.program.wait();
    assert_eq!(scratch(tmp.path()), Vec::<PathBuf>::new());
}

#[test]
fn what_can_not_be_removed_is_reported() {
    let tmp = tempfile::tempdir().unwrap();
    let mut served = serve(tmp.path(), &[]);
    let directory = scratch(tmp.path()).remove(0);
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "not a directory").unwrap();
    served.program.terminate();
    served.program.wait();
    let told = |line: &String| line.contains(directory.to_str().unwrap()) && line.contains("can't be removed");
    wait_for("the warning", || served.program.lines().iter().any(told).then_some(()));
}
