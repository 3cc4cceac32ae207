//! Lambda's environments, as four ways to run a guest have them, and what they are to survive.

use std::{
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::LazyLock,
    thread,
    time::Duration,
};

use super::{
    Behaviour, Event, Host, Reply, Setup,
    emulator::Emulator,
    faults::{self, Afterwards, Fault, FaultyGuest},
    guests,
    served::Served,
};

pub const MISBEHAVE: &str = "misbehave";

/// Little enough to be taken up well within the timeouts here, however busy the machine is.
pub const MEMORY: &str = "128MiB";

/// A guest is stopped so long before its deadline, and its worker is abandoned when half of that time has passed. A
/// busy machine may hold the host up for a part of it. It is a tenth of the timeout, which is the most that a margin
/// may be.
pub const MARGIN: &str = "3s";
pub const TIMEOUT_SECONDS: u32 = 30;
pub const TIMEOUT: Duration = Duration::from_secs(TIMEOUT_SECONDS as u64);

/// Enough for whatever is not to end by a timeout.
pub const AMPLE: Duration = Duration::from_secs(300);

/// The faults of one guest, which one environment is to survive.
pub struct Group {
    /// Its file's name.
    pub name: String,
    pub bytes: Vec<u8>,
    pub faults: Vec<Fault>,
}

/// All faults.
pub static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(|| {
    let (misbehaving, others): (Vec<_>, Vec<_>) =
        faults::all().into_iter().partition(|fault| matches!(fault.guest, FaultyGuest::Misbehave(_)));
    let bytes = fs::read(guests::path(MISBEHAVE)).unwrap();
    let mut groups = vec![Group { name: MISBEHAVE.to_owned(), bytes, faults: misbehaving }];
    for (number, fault) in others.into_iter().enumerate() {
        let FaultyGuest::Text(text) = &fault.guest else { unreachable!("just divided") };
        groups.push(Group { name: format!("text-{number}"), bytes: text.build(), faults: vec![fault] });
    }
    groups
});

/// Goes through all groups, and adds up what comes of them. Those in which something is waited for do not wait for each
/// other.
pub fn add_up(of_group: impl Fn(&Group) -> usize + Sync) -> usize {
    let (waiting, others): (Vec<_>, Vec<_>) =
        GROUPS.iter().partition(|group| group.faults.iter().any(Fault::is_timeout));
    thread::scope(|scope| {
        let of_group = &of_group;
        let waiting: Vec<_> = waiting.into_iter().map(|group| scope.spawn(move || of_group(group))).collect();
        let others: usize = others.into_iter().map(of_group).sum();
        let waiting = waiting.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        others + waiting.sum::<usize>()
    })
}

/// A file that no fault may change, and how the guest finds it.
pub struct Sentinel(PathBuf);

impl Sentinel {
    const TEXT: &str = "untouched";

    pub fn new(way: &str, group: &Group) -> Self {
        Self::at(PathBuf::from(format!("/tmp/guesthouse-test-{way}-{}-{}", group.name, std::process::id())))
    }

    pub fn at(path: PathBuf) -> Self {
        fs::write(&path, Self::TEXT).unwrap();
        Self(path)
    }

    /// Adds what a guest needs to cause its faults, and what limits it.
    pub fn guarded(&self, setup: Setup) -> Setup {
        let path = self.0.to_str().unwrap();
        setup.env("SENTINEL", path).env("START_FILE", &format!("{path}.start")).memory(MEMORY).margin(MARGIN)
    }

    pub fn check(&self, what: &str) {
        assert_eq!(fs::read_to_string(&self.0).unwrap(), Self::TEXT, "{what}");
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// An environment that is called for one invocation after another.
pub trait Environment {
    /// Where the timeout can be chosen it is this one.
    fn call(&self, event: Vec<u8>, timeout: Duration) -> Reply;
    /// The environment that serves now: another number, when the one before was lost.
    fn identity(&mut self) -> usize;
}

impl Environment for Host {
    fn call(&self, event: Vec<u8>, timeout: Duration) -> Reply {
        self.fake.invoke(Event::new(event).timeout(timeout))
    }

    fn identity(&mut self) -> usize {
        if self.program.is_running() { self.program.pid() as usize } else { 0 }
    }
}

impl Environment for Emulator {
    fn call(&self, event: Vec<u8>, _: Duration) -> Reply {
        self.invoke(event)
    }

    fn identity(&mut self) -> usize {
        self.bootstrap() as usize
    }
}

/// A function of `serve`, called by the AWS command line.
pub struct Function<'a> {
    pub served: &'a Served,
    pub name: &'a str,
}

impl Environment for Function<'_> {
    fn call(&self, event: Vec<u8>, _: Duration) -> Reply {
        let (done, said, response) = self.served.aws(self.name, &String::from_utf8(event).unwrap());
        assert!(done, "{said}");
        Reply::written(response, said.contains("\"FunctionError\": \"Unhandled\""))
    }

    /// All functions are in one process, each with workers of its own.
    fn identity(&mut self) -> usize {
        self.served.program.lines().iter().filter(|line| line.contains("the function's workers ended")).count()
    }
}

/// Causes each fault, and checks what came before and after. Returns how often the environment was another one then.
pub fn survive(way: &str, environment: &mut impl Environment, sentinel: &Sentinel, faults: &[Fault]) -> usize {
    let rest = |environment: &dyn Environment, what: &str| {
        let response = environment.call(Behaviour::Rest.into(), AMPLE).about(what).response_json();
        (response["instance"].as_str().unwrap().to_owned(), response["count"].as_u64().unwrap())
    };
    let mut lost = 0;
    let mut before = rest(environment, way);
    let mut identity = environment.identity();
    for fault in faults {
        let what = format!("{way}, {}", fault.name);
        if let Some(behaviour) = &fault.before {
            environment.call(behaviour.clone().into(), AMPLE).about(&what).any_error();
        }
        let timeout = if fault.is_timeout() { TIMEOUT } else { AMPLE };
        fault.check(&environment.call(fault.event(), timeout).about(&what));
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

/// The entries of a directory.
pub fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path()).collect()
}
