//! Every fault, four ways: under the fake Runtime API, under Lambda's emulator, through `serve` and the AWS command
//! line, and beside seven good guests. None may cost an environment.

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    rie::{self, Rie},
    serve::{self, Served},
    support::{
        Event, Host, RuntimeClient,
        faults::{self, Afterwards, Fault, FaultyGuest},
        guests,
        host::Setup,
        http::Message,
        wait_for,
    },
};

#[test]
fn no_fault_costs_an_environment_in_any_of_four_ways() {
    // The first two are one way, with either client.
    let ways: [fn(&[Group]) -> usize; 5] = [
        |groups| under_the_fake(groups, RuntimeClient::Direct),
        |groups| under_the_fake(groups, RuntimeClient::LambdaRuntime),
        under_the_emulator,
        through_serve,
        beside_seven_good_guests,
    ];
    let faults = faults::all();
    let groups = Group::of(&faults);
    let lost: usize = thread::scope(|scope| {
        let running = ways.map(|way| {
            let groups = &groups;
            scope.spawn(move || way(groups))
        });
        running.into_iter().map(|way| way.join().unwrap_or_else(|panic| resume_unwind(panic))).sum()
    });
    // Past the harness, which would keep it to itself.
    let line = format!("\n{} faults × 4 ways, environments lost: {lost}\n", faults.len());
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    assert_eq!(lost, 0);
}

const MISBEHAVE: &str = "misbehave";

/// The faults of one guest, which one environment is to survive.
struct Group<'a> {
    /// Its file's name.
    name: String,
    bytes: Vec<u8>,
    faults: Vec<&'a Fault>,
}

impl<'a> Group<'a> {
    fn of(faults: &'a [Fault]) -> Vec<Self> {
        let (misbehaving, others): (Vec<_>, Vec<_>) =
            faults.iter().partition(|fault| matches!(fault.guest, FaultyGuest::Misbehave));
        let bytes = fs::read(guests::path(MISBEHAVE)).unwrap();
        let mut groups = vec![Self { name: MISBEHAVE.to_owned(), bytes, faults: misbehaving }];
        for (number, fault) in others.into_iter().enumerate() {
            let FaultyGuest::Text(text) = fault.guest else { unreachable!("just divided") };
            groups.push(Self { name: format!("text-{number}"), bytes: text.build(), faults: vec![fault] });
        }
        groups
    }
}

/// Goes through all groups, and adds up what comes of them. Those in which something is waited for do not wait for each
/// other.
fn add_up(groups: &[Group<'_>], of_group: impl Fn(&Group<'_>) -> usize + Sync) -> usize {
    let (waiting, others): (Vec<_>, Vec<_>) =
        groups.iter().partition(|group| group.faults.iter().any(|fault| is_timeout(fault)));
    thread::scope(|scope| {
        let of_group = &of_group;
        let waiting: Vec<_> = waiting.into_iter().map(|group| scope.spawn(move || of_group(group))).collect();
        let others: usize = others.into_iter().map(of_group).sum();
        let waiting = waiting.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        others + waiting.sum::<usize>()
    })
}

/// Little enough to be taken up well within the timeouts here, however busy the machine is.
const MEMORY: (&str, &str) = ("GUESTHOUSE_MEMORY", "128MiB");

/// A guest is stopped so long before its deadline, and its worker is abandoned when half of that time has passed. A
/// busy machine may hold the host up for a part of it. It is a tenth of the timeout, which is the most that a margin
/// may be.
const MARGIN: (&str, &str) = ("GUESTHOUSE_MARGIN", "3s");
const TIMEOUT_SECONDS: u32 = 30;
const TIMEOUT: Duration = Duration::from_secs(TIMEOUT_SECONDS as u64);

/// Enough for whatever is not to end by a timeout.
const AMPLE: Duration = Duration::from_secs(300);

/// A file that no fault may change, and how the guest finds it.
struct Sentinel(PathBuf);

impl Sentinel {
    const TEXT: &str = "untouched";

    fn new(way: &str, group: &Group<'_>) -> Self {
        Self::at(PathBuf::from(format!("/tmp/guesthouse-test-{way}-{}-{}", group.name, std::process::id())))
    }

    fn at(path: PathBuf) -> Self {
        fs::write(&path, Self::TEXT).unwrap();
        Self(path)
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let path = self.0.to_str().unwrap();
        let mut variables = vec![("SENTINEL", path.to_owned()), ("START_FILE", format!("{path}.start"))];
        variables.extend([MEMORY, MARGIN].map(|(name, value)| (name, value.to_owned())));
        variables
    }

    fn check(&self, what: &str) {
        assert_eq!(fs::read_to_string(&self.0).unwrap(), Self::TEXT, "{what}");
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// An environment that is called for one invocation after another.
trait Environment {
    /// The response, or the error object. Where the timeout can be chosen it is this one.
    fn call(&self, event: &str, timeout: Duration) -> Result<Value, Value>;
    /// The environment that serves now: another number, when the one before was lost.
    fn identity(&mut self) -> usize;
}

/// Causes each fault, and checks what came before and after. Returns how often the environment was another one then.
fn survive(way: &str, environment: &mut impl Environment, sentinel: &Sentinel, faults: &[&Fault]) -> usize {
    let rest = |environment: &dyn Environment, what: &str| {
        let response = environment.call("\"rest\"", AMPLE).unwrap_or_else(|error| panic!("{what}: {error}"));
        (response["instance"].as_str().unwrap().to_owned(), response["count"].as_u64().unwrap())
    };
    let mut lost = 0;
    let mut before = rest(environment, way);
    let mut identity = environment.identity();
    for fault in faults {
        let what = format!("{way}, {}", fault.name);
        if let Some(event) = fault.before {
            environment.call(event, AMPLE).expect_err(&what);
        }
        let timeout = if is_timeout(fault) { TIMEOUT } else { AMPLE };
        check(&what, fault, &environment.call(fault.event, timeout).expect_err(&what));
        let after = rest(environment, &what);
        match fault.instance {
            Afterwards::Kept => assert_eq!(after, (before.0, before.1 + 1), "{what}"),
            Afterwards::Gone => assert!(after.0 != before.0 && after.1 == 1, "{what}: {after:?}"),
        }
        before = after;
        sentinel.check(&what);
        let now = environment.identity();
        lost += usize::from(now != identity);
        identity = now;
    }
    lost
}

fn check(what: &str, fault: &Fault, error: &Value) {
    let shown: String = error.to_string().chars().take(2_000).collect();
    assert_eq!(error["errorType"], fault.error_type, "{what}: {shown}");
    assert!(error["errorMessage"].as_str().unwrap().starts_with(fault.message), "{what}: {shown}");
    assert!(error["stackTrace"].as_array().unwrap().len() <= 64, "{what}: {shown}");
}

fn is_timeout(fault: &Fault) -> bool {
    fault.error_type == "Guest.Timeout"
}

fn with_variables(setup: Setup, sentinel: &Sentinel) -> Setup {
    sentinel.variables().into_iter().fold(setup, |setup, (name, value)| setup.env(name, &value))
}

impl Environment for Host {
    fn call(&self, event: &str, timeout: Duration) -> Result<Value, Value> {
        let post = self.fake.invoke(Event::new(event).timeout(timeout));
        if post.subject().ends_with("/response") { Ok(post.json()) } else { Err(post.json()) }
    }

    fn identity(&mut self) -> usize {
        if self.program.is_running() { self.program.pid() as usize } else { 0 }
    }
}

fn under_the_fake(groups: &[Group<'_>], client: RuntimeClient) -> usize {
    let of_group = |group: &Group<'_>| {
        let sentinel = Sentinel::new(client.name(), group);
        let mut host = with_variables(Host::with(&group.bytes), &sentinel).runtime_client(client).start();
        survive(&format!("fake, {}", client.name()), &mut host, &sentinel, &group.faults)
    };
    add_up(groups, of_group)
}

impl Environment for Rie {
    fn call(&self, event: &str, _: Duration) -> Result<Value, Value> {
        // The emulator marks errors with nothing but their form.
        let response = self.invoke(&[], event.as_bytes()).json();
        if response.get("errorType").is_some() { Err(response) } else { Ok(response) }
    }

    fn identity(&mut self) -> usize {
        self.bootstrap() as usize
    }
}

fn under_the_emulator(groups: &[Group<'_>]) -> usize {
    let of_group = |group: &Group<'_>| {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("guest.wasm"), &group.bytes).unwrap();
        let sentinel = Sentinel::new("emulator", group);
        let mut rie = rie::in_directory(directory.path(), "guest", &sentinel.variables(), TIMEOUT_SECONDS);
        survive("emulator", &mut rie, &sentinel, &group.faults)
    };
    add_up(groups, of_group)
}

struct Function<'a> {
    served: &'a Served,
    name: &'a str,
}

impl Environment for Function<'_> {
    fn call(&self, event: &str, _: Duration) -> Result<Value, Value> {
        let (done, said, response) = self.served.aws(self.name, event);
        assert!(done, "{said}");
        let response = serde_json::from_str(&response).unwrap();
        if said.contains("\"FunctionError\": \"Unhandled\"") { Err(response) } else { Ok(response) }
    }

    /// All functions are in one process, each with workers of its own.
    fn identity(&mut self) -> usize {
        self.served.program.lines().iter().filter(|line| line.contains("the function's workers ended")).count()
    }
}

fn through_serve(groups: &[Group<'_>]) -> usize {
    let (directory, tmp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for group in groups {
        fs::write(directory.path().join(format!("{}.wasm", group.name)), &group.bytes).unwrap();
    }
    let (timeout, settings) =
        (TIMEOUT_SECONDS.to_string(), [MEMORY, MARGIN].map(|(name, value)| format!("{name}={value}")));
    let mut arguments = vec!["--timeout", &timeout, "--memory", "256", "--concurrency", "1"];
    for variable in ["SENTINEL=/tmp/sentinel", "START_FILE=/tmp/sentinel.start", &settings[0], &settings[1]] {
        arguments.extend(["--env", variable]);
    }
    let mut served = serve::with_tmp(directory.path(), tmp.path(), &arguments);
    // Each function has a directory of its own as `/tmp`.
    let directories = |path: &Path| fs::read_dir(path).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
    let sentinels: Vec<Sentinel> =
        directories(&directories(tmp.path())[0]).into_iter().map(|tmp| Sentinel::at(tmp.join("sentinel"))).collect();
    assert_eq!(sentinels.len(), groups.len());
    let lost = add_up(groups, |group| {
        survive("serve", &mut Function { served: &served, name: &group.name }, &sentinels[0], &group.faults)
    });
    sentinels.iter().for_each(|sentinel| sentinel.check("serve"));
    assert!(served.program.is_running());
    lost
}

const WORKERS: usize = 8;

/// An environment with eight workers, which have events in flight together.
struct Crowd<'a> {
    host: Host,
    what: String,
    /// The instances that have responded, and the number of events of each.
    answered: HashMap<String, u64>,
    /// How many instances are gone.
    gone: usize,
    /// Where the good guests wait for each other; those that are written as text do not.
    directory: Option<&'a Path>,
    round: usize,
}

impl Crowd<'_> {
    /// Sends good events, and then one that is to fail, each to a worker of its own, and checks who responds. Returns
    /// the errors.
    ///
    /// Good guests that can wait are all at work before the other event is sent, and until it has failed.
    fn together(&mut self, good: usize, faulty: Option<Event>) -> Vec<Value> {
        self.host.fake.wait_for_workers(WORKERS);
        self.round += 1;
        let directory = self.directory.map(|directory| directory.join(self.round.to_string()));
        let event = match &directory {
            Some(directory) => {
                fs::create_dir(directory).unwrap();
                json!(format!("wait in {}", directory.display())).to_string()
            }
            None => "\"rest\"".to_owned(),
        };
        let mut posts = Vec::new();
        (0..good).for_each(|_| self.host.fake.send(Event::new(event.as_str()).timeout(AMPLE)));
        if let Some(directory) = &directory {
            wait_for("good guests at work", || (fs::read_dir(directory).unwrap().count() == good).then_some(()));
        }
        if let Some(faulty) = faulty {
            self.host.fake.send(faulty);
            posts.push(self.host.fake.post());
        }
        if let Some(directory) = &directory {
            fs::write(directory.join("go"), "").unwrap();
        }
        while posts.len() < WORKERS {
            posts.push(self.host.fake.post());
        }
        self.note(posts)
    }

    /// Each instance counts its responses: one that skips a number, or begins anew, was disturbed.
    fn note(&mut self, posts: Vec<Message>) -> Vec<Value> {
        let (responses, errors): (Vec<_>, Vec<_>) =
            posts.into_iter().partition(|post| post.subject().ends_with("/response"));
        let mut responses: Vec<Value> = responses.iter().map(Message::json).collect();
        responses.sort_by_key(|response| response["count"].as_u64());
        for response in responses {
            let answered = self.answered.entry(response["instance"].as_str().unwrap().to_owned()).or_default();
            *answered += 1;
            assert_eq!(response["count"], *answered, "{}: {response}", self.what);
        }
        errors.iter().map(Message::json).collect()
    }

    /// There are never more than eight, so each that is new has taken the place of one that is gone.
    fn check_instances(&self) {
        let (known, most) = (self.answered.len(), WORKERS + self.gone);
        assert!(known <= most, "{}: {known} instances, {} are gone", self.what, self.gone);
        // All eight have just been at work at once.
        assert!(self.directory.is_none() || known == most, "{}: {known} of {most} instances", self.what);
    }
}

fn beside_seven_good_guests(groups: &[Group<'_>]) -> usize {
    let of_group = |group: &Group<'_>| {
        let (sentinel, directory) = (Sentinel::new("beside", group), tempfile::tempdir_in("/tmp").unwrap());
        let setup = Host::with(&group.bytes)
            .env("AWS_LAMBDA_MAX_CONCURRENCY", &WORKERS.to_string())
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048");
        let host = with_variables(setup, &sentinel).start();
        let directory = (group.name == MISBEHAVE).then_some(directory.path());
        let what = "beside seven, at first".to_owned();
        let mut crowd = Crowd { host, what, answered: HashMap::new(), gone: 0, directory, round: 0 };
        assert_eq!(crowd.together(WORKERS, None), Vec::<Value>::new());
        crowd.check_instances();
        let mut lost = 0;
        for fault in &group.faults {
            crowd.what = format!("beside seven, {}", fault.name);
            let timeout = if is_timeout(fault) { TIMEOUT } else { AMPLE };
            let faulty = Event::new(fault.event).timeout(timeout);
            if let Some(event) = fault.before {
                crowd.host.call(event, AMPLE).expect_err(&crowd.what);
            }
            let errors = crowd.together(WORKERS - 1, Some(faulty));
            assert_eq!(errors.len(), 1, "{}: {errors:?}", crowd.what);
            check(&crowd.what, fault, &errors[0]);
            crowd.gone += usize::from(fault.instance == Afterwards::Gone);
            assert_eq!(crowd.together(WORKERS, None), Vec::<Value>::new(), "{}", crowd.what);
            crowd.check_instances();
            sentinel.check(&crowd.what);
            lost += usize::from(!crowd.host.program.is_running());
        }
        lost
    };
    add_up(groups, of_group)
}

/// The emulator's own words are not the guest's.
#[test]
fn under_the_emulator_a_guest_is_stopped_before_the_emulator_would_stop_the_environment() {
    let margin = [(MARGIN.0, MARGIN.1.to_owned())];
    let rie = rie::in_directory(&guests::ALL, MISBEHAVE, &margin, TIMEOUT_SECONDS);
    for event in ["loop", "sleep"] {
        let error = rie.invoke(&[], json!(event).to_string().as_bytes()).json();
        assert_eq!(error["errorType"], "Guest.Timeout");
        assert!(error["errorMessage"].as_str().unwrap().starts_with("the guest was stopped after "), "{error}");
    }
}
