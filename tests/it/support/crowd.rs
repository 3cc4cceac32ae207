//! An environment with eight workers, of which seven have good events in flight while the eighth has a fault.

use std::{collections::HashMap, fs, path::Path};

use super::{
    Behaviour, Event, Host, Reply,
    environments::{AMPLE, Environment as _, Group, MISBEHAVE, Sentinel, TIMEOUT},
    faults::Afterwards,
    wait_for,
};

const WORKERS: usize = 8;

/// An environment with eight workers, which have events in flight together.
struct Crowd<'a> {
    host: Host,
    what: String,
    /// The instances that have responded, and the number of events of each.
    responded: HashMap<String, u64>,
    /// How many instances are gone.
    gone: usize,
    /// Where the good guests wait for each other; those that are written as text do not.
    directory: Option<&'a Path>,
    round: usize,
}

impl Crowd<'_> {
    /// Sends eight good events, and checks who responds.
    fn all_respond(&mut self) {
        let errors = self.together(WORKERS, None);
        assert!(errors.is_empty(), "{}: {errors:?}", self.what);
        self.check_instances();
    }

    /// Sends good events, and then one that is to fail, each to a worker of its own, and checks who responds. Returns
    /// the errors.
    ///
    /// Good guests that can wait are all at work before the other event is sent, and until it has failed.
    fn together(&mut self, good: usize, faulty: Option<Event>) -> Vec<Reply> {
        self.host.fake.wait_for_workers(WORKERS);
        self.round += 1;
        let directory = self.directory.map(|directory| directory.join(self.round.to_string()));
        let behaviour = match &directory {
            Some(directory) => {
                fs::create_dir(directory).unwrap();
                Behaviour::WaitIn(directory.display().to_string())
            }
            None => Behaviour::Rest,
        };
        let mut posts = Vec::new();
        (0..good).for_each(|_| self.host.fake.send(Event::new(behaviour.clone()).timeout(AMPLE)));
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
    fn note(&mut self, posts: Vec<Reply>) -> Vec<Reply> {
        let (responses, errors): (Vec<_>, Vec<_>) = posts.into_iter().partition(Reply::is_response);
        let mut responses: Vec<_> = responses.iter().map(Reply::response_json).collect();
        responses.sort_by_key(|response| response["count"].as_u64());
        for response in responses {
            let responded = self.responded.entry(response["instance"].as_str().unwrap().to_owned()).or_default();
            *responded += 1;
            assert_eq!(response["count"], *responded, "{}: {response}", self.what);
        }
        errors
    }

    /// There are never more than eight, so each that is new has taken the place of one that is gone.
    fn check_instances(&self) {
        let (known, most) = (self.responded.len(), WORKERS + self.gone);
        assert!(known <= most, "{}: {known} instances, {} are gone", self.what, self.gone);
        // All eight have just been at work at once.
        assert!(self.directory.is_none() || known == most, "{}: {known} of {most} instances", self.what);
    }
}

/// Causes each fault of the group beside seven good guests. Returns how often the environment was lost.
pub fn survive_beside_seven(group: &Group) -> usize {
    let (sentinel, directory) = (Sentinel::new("beside", group), tempfile::tempdir_in("/tmp").unwrap());
    let setup = Host::with(&group.bytes).concurrency(WORKERS).function_memory(2048);
    let host = sentinel.guarded(setup).start();
    let directory = (group.name == MISBEHAVE).then_some(directory.path());
    let what = "beside seven, at first".to_owned();
    let mut crowd = Crowd { host, what, responded: HashMap::new(), gone: 0, directory, round: 0 };
    crowd.all_respond();
    let mut lost = 0;
    for fault in &group.faults {
        crowd.what = format!("beside seven, {}", fault.name);
        let timeout = if fault.is_timeout() { TIMEOUT } else { AMPLE };
        let faulty = Event::new(fault.event()).timeout(timeout);
        if let Some(behaviour) = &fault.before {
            crowd.host.call(behaviour.clone().into(), AMPLE).about(&crowd.what).any_error();
        }
        let errors = crowd.together(WORKERS - 1, Some(faulty));
        assert_eq!(errors.len(), 1, "{}: {errors:?}", crowd.what);
        fault.check(&errors[0].clone().about(&crowd.what));
        crowd.gone += usize::from(fault.instance == Afterwards::Gone);
        crowd.all_respond();
        sentinel.check(&crowd.what);
        lost += usize::from(!crowd.host.program.is_running());
    }
    lost
}
