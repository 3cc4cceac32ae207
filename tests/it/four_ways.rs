//! Every fault, four ways: under the fake Runtime API, under Lambda's emulator, through `serve` and the AWS command
//! line, and beside seven good guests. None may cost an environment.

use std::{fs, io::Write as _, sync::Mutex};

use crate::support::{
    Behaviour, Host, RuntimeClient,
    crowd::survive_beside_seven,
    environments::{
        Function, GROUPS, Group, MARGIN, MEMORY, MISBEHAVE, Sentinel, TIMEOUT_SECONDS, add_up, entries, survive,
    },
    served::Served,
};

/// The ways, of which the first two are one, with either runtime client.
const WAYS: [&str; 5] = ["fake, direct", "fake, lambda_runtime", "emulator", "serve", "beside seven"];

/// Prints how many environments were lost this way, and with the last way how many were lost in all of them; fails if
/// there are any.
fn none_is_lost(way: &'static str, lost: usize) {
    static LOST: Mutex<Vec<(&str, usize)>> = Mutex::new(Vec::new());
    let faults: usize = GROUPS.iter().map(|group| group.faults.len()).sum();
    let mut line = format!("\n{faults} faults, {way}, environments lost: {lost}\n");
    {
        let mut all = LOST.lock().unwrap();
        all.push((way, lost));
        if WAYS.iter().all(|way| all.iter().any(|(known, _)| known == way)) {
            let lost: usize = all.iter().map(|(_, lost)| lost).sum();
            line.push_str(&format!("{faults} faults × 4 ways, environments lost: {lost}\n"));
        }
    }
    // Past the harness, which would keep it to itself.
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    assert_eq!(lost, 0, "{way}");
}

fn under_the_fake(way: &'static str, client: RuntimeClient) {
    let of_group = |group: &Group| {
        let sentinel = Sentinel::new(client.name(), group);
        let mut host = sentinel.guarded(Host::with(&group.bytes)).runtime_client(client).start();
        survive(way, &mut host, &sentinel, &group.faults)
    };
    none_is_lost(way, add_up(of_group));
}

#[test]
fn no_fault_costs_an_environment_under_the_fake_with_the_direct_client() {
    under_the_fake(WAYS[0], RuntimeClient::Direct);
}

#[test]
fn no_fault_costs_an_environment_under_the_fake_with_lambda_runtime() {
    under_the_fake(WAYS[1], RuntimeClient::LambdaRuntime);
}

#[test]
fn no_fault_costs_an_environment_under_the_emulator() {
    let way = WAYS[2];
    let of_group = |group: &Group| {
        let sentinel = Sentinel::new(way, group);
        let mut emulator = sentinel.guarded(Host::with(&group.bytes)).under_the_emulator(TIMEOUT_SECONDS);
        survive(way, &mut emulator, &sentinel, &group.faults)
    };
    none_is_lost(way, add_up(of_group));
}

#[test]
fn no_fault_costs_an_environment_through_serve_and_the_aws_command_line() {
    let way = WAYS[3];
    let (directory, tmp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for group in GROUPS.iter() {
        fs::write(directory.path().join(format!("{}.wasm", group.name)), &group.bytes).unwrap();
    }
    let (timeout, memory, margin) =
        (TIMEOUT_SECONDS.to_string(), format!("GUESTHOUSE_MEMORY={MEMORY}"), format!("GUESTHOUSE_MARGIN={MARGIN}"));
    let mut arguments = vec!["--timeout", &timeout, "--memory", "256", "--concurrency", "1"];
    for variable in ["SENTINEL=/tmp/sentinel", "START_FILE=/tmp/sentinel.start", &memory, &margin] {
        arguments.extend(["--env", variable]);
    }
    let mut served = Served::with_tmp(directory.path(), tmp.path(), &arguments);
    // Each function has a directory of its own as `/tmp`.
    let sentinels: Vec<Sentinel> =
        entries(&entries(tmp.path())[0]).into_iter().map(|tmp| Sentinel::at(tmp.join("sentinel"))).collect();
    assert_eq!(sentinels.len(), GROUPS.len());
    let lost = add_up(|group| {
        survive(way, &mut Function { served: &served, name: &group.name }, &sentinels[0], &group.faults)
    });
    sentinels.iter().for_each(|sentinel| sentinel.check(way));
    assert!(served.program.is_running());
    none_is_lost(way, lost);
}

#[test]
fn no_fault_costs_an_environment_beside_seven_good_guests() {
    none_is_lost(WAYS[4], add_up(survive_beside_seven));
}

/// The emulator's own words are not the guest's.
#[test]
fn a_guest_is_stopped_before_the_emulator_would_stop_the_environment() {
    let emulator = Host::of(MISBEHAVE).margin(MARGIN).under_the_emulator(TIMEOUT_SECONDS);
    for behaviour in [Behaviour::Loop, Behaviour::Sleep] {
        emulator.invoke(behaviour).error("Guest.Timeout").starts("the guest was stopped after ");
    }
}
