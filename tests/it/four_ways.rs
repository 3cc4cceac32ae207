//! Every fault, four ways: under the fake Runtime API, under Lambda's emulator, through `serve` and the AWS command line, and
//! beside seven good guests. None may cost an environment.

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    rie::{self, Rie},
    serve::{self, Served},
    support::{
        Edge, Event, Host,
        faults::{self, Afterwards, Fault, FaultyGuest},
        guests,
        host::Setup,
        http::Message,
        wait_for,
    },
};

#[test]
fn no_fault_costs_an_environment_in_any_of_four_ways() {
    let ways: [fn(&[Group]) -> usize; 4] =
        [under_the_fake, under_the_emulator, through_serve, beside_seven_good_guests];
    let faults = faults::all();
    let groups = Group::of(&faults);
    let lost: usize = thread::scope(|scope| {
        let running = ways.map(|way| {
            let groups = &groups;
            scope.spawn(move || way(groups))
        });
        running.into_iter().map(|way| way.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    });
    // Past the harness, which would keep it to itself.
    let line = format!("\n{} faults × {} ways, environments lost: {lost}\n", faults.len(), ways.len());
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    assert_eq!(lost, 0);
}

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
        let bytes = fs::read(guests::path("misbehave")).unwrap();
        let mut groups = vec![Self { name: "misbehave".to_owned(), bytes, faults: misbehaving }];
        for (number, fault) in others.into_iter().enumerate() {
            let FaultyGuest::Text(text) = fault.guest else { unreachable!("just divided") };
            groups.push(Self { name: format!("text-{number}"), bytes: text.build(), faults: vec![fault] });
        }
        groups
    }
}

/// Little enough to be taken up well within the timeouts here, however busy the machine is.
const MEMORY: (&str, &str) = ("GUESTHOUSE_MEMORY", "128MiB");

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

    fn variables(&self) -> [(&'static str, String); 3] {
        let path = self.0.to_str().unwrap();
        [("SENTINEL", path.to_owned()), ("START_FILE", format!("{path}.start")), (MEMORY.0, MEMORY.1.to_owned())]
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
    /// The answer, or the error object.
    fn call(&self, event: &str) -> Result<Value, Value>;
    /// The environment that serves now: another number, when the one before was lost.
    fn identity(&mut self) -> usize;
}

/// Causes each fault, and looks at what came before and after. Returns how often the environment was another one then.
fn survive(way: &str, environment: &mut impl Environment, sentinel: &Sentinel, faults: &[&Fault]) -> usize {
    let rest = |environment: &dyn Environment, what: &str| {
        let answer = environment.call("\"rest\"").unwrap_or_else(|error| panic!("{what}: {error}"));
        (answer["instance"].as_str().unwrap().to_owned(), answer["count"].as_u64().unwrap())
    };
    let mut lost = 0;
    let mut before = rest(environment, way);
    let mut identity = environment.identity();
    for fault in faults {
        let what = format!("{way}, {}", fault.name);
        if let Some(event) = fault.before {
            environment.call(event).expect_err(&what);
        }
        check(&what, fault, &environment.call(fault.event).expect_err(&what));
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

struct Faked<'a> {
    host: Host,
    faults: &'a [&'a Fault],
}

impl Environment for Faked<'_> {
    fn call(&self, event: &str) -> Result<Value, Value> {
        let slow = self.faults.iter().any(|fault| fault.event == event && is_timeout(fault));
        // A good answer after a slow start-up has the same event.
        let timeout = Duration::from_secs(if slow { 3 } else { 30 });
        let post = self.host.fake.invoke(Event::new(event).timeout(timeout));
        if post.subject().ends_with("/response") { Ok(post.json()) } else { Err(post.json()) }
    }

    fn identity(&mut self) -> usize {
        if self.host.program.is_running() { self.host.program.pid() as usize } else { 0 }
    }
}

fn under_the_fake(groups: &[Group<'_>]) -> usize {
    let of_edge = |edge: Edge| {
        let of_group = |group: &Group<'_>| {
            let way = format!("fake, {}", edge.name());
            let sentinel = Sentinel::new(edge.name(), group);
            let host = with_variables(Host::with(&group.bytes), &sentinel).edge(edge).start();
            survive(&way, &mut Faked { host, faults: &group.faults }, &sentinel, &group.faults)
        };
        groups.iter().map(of_group).sum::<usize>()
    };
    Edge::BOTH.map(of_edge).iter().sum()
}

impl Environment for Rie {
    fn call(&self, event: &str) -> Result<Value, Value> {
        // The emulator marks errors with nothing but their form.
        let answer = self.invoke(&[], event.as_bytes()).json();
        if answer.get("errorType").is_some() { Err(answer) } else { Ok(answer) }
    }

    fn identity(&mut self) -> usize {
        self.bootstrap() as usize
    }
}

fn under_the_emulator(groups: &[Group<'_>]) -> usize {
    let of_group = |group: &Group<'_>| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("guest.wasm"), &group.bytes).unwrap();
        let sentinel = Sentinel::new("emulator", group);
        let mut rie = rie::in_folder(folder.path(), "guest", &sentinel.variables(), 3);
        survive("emulator", &mut rie, &sentinel, &group.faults)
    };
    groups.iter().map(of_group).sum()
}

struct Function<'a> {
    served: &'a Served,
    name: &'a str,
}

impl Environment for Function<'_> {
    fn call(&self, event: &str) -> Result<Value, Value> {
        let (done, said, answer) = self.served.aws(self.name, event);
        assert!(done, "{said}");
        let answer = serde_json::from_str(&answer).unwrap();
        if said.contains("\"FunctionError\": \"Unhandled\"") { Err(answer) } else { Ok(answer) }
    }

    /// All functions are in one process, each with workers of its own.
    fn identity(&mut self) -> usize {
        self.served.program.lines().iter().filter(|line| line.contains("the function's workers ended")).count()
    }
}

fn through_serve(groups: &[Group<'_>]) -> usize {
    let (folder, tmp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for group in groups {
        fs::write(folder.path().join(format!("{}.wasm", group.name)), &group.bytes).unwrap();
    }
    let memory = format!("{}={}", MEMORY.0, MEMORY.1);
    let mut arguments = vec!["--timeout", "3", "--memory", "256", "--concurrency", "1"];
    for variable in ["SENTINEL=/tmp/sentinel", "START_FILE=/tmp/sentinel.start", &memory] {
        arguments.extend(["--env", variable]);
    }
    let mut served = serve::with_tmp(folder.path(), tmp.path(), &arguments);
    // Each function has a folder of its own as `/tmp`.
    let folders = |path: &Path| fs::read_dir(path).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
    let sentinels: Vec<Sentinel> =
        folders(&folders(tmp.path())[0]).into_iter().map(|tmp| Sentinel::at(tmp.join("sentinel"))).collect();
    assert_eq!(sentinels.len(), groups.len());
    let mut lost = 0;
    for group in groups {
        let mut function = Function { served: &served, name: &group.name };
        lost += survive("serve", &mut function, &sentinels[0], &group.faults);
    }
    sentinels.iter().for_each(|sentinel| sentinel.check("serve"));
    assert!(served.program.is_running());
    lost
}

/// The instances of one environment, with how many events each has answered.
type Instances = HashMap<String, u64>;

/// Sends good events, and this one, if there is one, when seven good ones are in flight. Returns the answers, by instance, and
/// the errors.
fn eight(host: &Host, what: &str, event: Option<Event>) -> (Instances, Vec<Value>) {
    wait_for("eight workers", || (host.fake.waiting() == 8).then_some(()));
    let good = if event.is_some() { 7 } else { 8 };
    (0..good).for_each(|_| host.fake.send(Event::new("\"rest\"")));
    if let Some(event) = event {
        wait_for("seven to be in flight", || (host.fake.waiting() == 1).then_some(()));
        host.fake.send(event);
    }
    let posts: Vec<_> = (0..8).map(|_| host.fake.post()).collect();
    let (answers, errors): (Vec<_>, Vec<_>) = posts.into_iter().partition(|post| post.subject().ends_with("/response"));
    let mut instances = Instances::new();
    for answer in answers.iter().map(Message::json) {
        let instance = answer["instance"].as_str().unwrap().to_owned();
        let twice = instances.insert(instance, answer["count"].as_u64().unwrap());
        assert_eq!(twice, None, "{what}: an instance answered twice: {answer}");
    }
    (instances, errors.iter().map(Message::json).collect())
}

fn beside_seven_good_guests(groups: &[Group<'_>]) -> usize {
    let of_group = |group: &Group<'_>| {
        let sentinel = Sentinel::new("beside", group);
        let setup = Host::with(&group.bytes)
            .env("AWS_LAMBDA_MAX_CONCURRENCY", "8")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048");
        let mut host = with_variables(setup, &sentinel).start();
        let (mut known, _) = eight(&host, "at first", None);
        let mut lost = 0;
        for fault in &group.faults {
            let what = format!("beside seven, {}", fault.name);
            if let Some(event) = fault.before {
                assert!(host.invoke(event).subject().ends_with("/error"), "{what}");
            }
            let timeout = Duration::from_secs(if is_timeout(fault) { 3 } else { 30 });
            let (others, errors) = eight(&host, &what, Some(Event::new(fault.event).timeout(timeout)));
            assert_eq!(errors.len(), 1, "{what}: {errors:?}");
            check(&what, fault, &errors[0]);
            // The others answered in instances that were there before, and that nothing had happened to.
            for (instance, count) in &others {
                assert_eq!(Some(count - 1), known.get(instance).copied(), "{what}: {instance}");
            }
            known.extend(others);
            let (after, errors) = eight(&host, &what, None);
            assert_eq!(errors, Vec::<Value>::new(), "{what}");
            let (new, old): (Instances, Instances) =
                after.into_iter().partition(|(instance, _)| !known.contains_key(instance));
            let expected = if fault.instance == Afterwards::Kept { 0 } else { 1 };
            assert_eq!(new.values().copied().collect::<Vec<_>>(), vec![1; expected], "{what}");
            assert!(old.iter().all(|(instance, count)| known[instance] + 1 == *count), "{what}: {old:?}");
            known = old.into_iter().chain(new).collect();
            sentinel.check(&what);
            lost += usize::from(!host.program.is_running());
        }
        lost
    };
    groups.iter().map(of_group).sum()
}

/// The emulator's timeout is one second, and its own words are not the guest's.
#[test]
fn under_the_emulator_a_guest_is_stopped_before_the_emulator_would_stop_the_environment() {
    let rie = rie::rie("misbehave", Edge::Direct, 1);
    for event in ["loop", "sleep"] {
        let error = rie.invoke(&[], json!(event).to_string().as_bytes()).json();
        assert_eq!(error["errorType"], "Guest.Timeout");
        assert!(error["errorMessage"].as_str().unwrap().contains("stopped after 0."), "{error}");
    }
}
