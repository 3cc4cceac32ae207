//! This module holds the functions of a local Lambda, and updates them when the directory of their guests changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use futures_util::future::join_all;

use super::{
    Function, Shared,
    guests::{self, Found},
    parts::{Ended, Part, Parts},
    queue::Call,
    records::RequestIdInUse,
};
use crate::{
    config::Settings,
    failure::{ErrorType, Failure},
    lock::lock,
    runtime_client::wire,
};

/// Holds the functions of a local Lambda by name. A function that can't start is included, with the reason.
pub struct Functions {
    shared: Shared,
    /// The directory of the guests, or one guest's file.
    path: PathBuf,
    all: Mutex<BTreeMap<String, Slot>>,
}

/// A function, or the reason why it can't be served.
pub type Served = Arc<Result<Function, Failure>>;

struct Slot {
    settings: Settings,
    served: Served,
    /// The last reported failure to start the function, at first or with newer settings.
    failure: Option<Failure>,
}

/// Describes how a function changed.
pub enum Change {
    /// The function is served from now on.
    Added(String),
    /// The function was removed, because its guest is gone.
    Removed(String),
    /// The function can't be served.
    Broken(String, Failure),
    /// The function can't be served with its newer settings, and keeps the previous ones.
    Kept(String, Failure),
}

impl Functions {
    /// Loads each guest of a directory, or one guest's file, and starts its workers. A guest that can't be served is
    /// kept with its failure.
    ///
    /// # Errors
    /// If there is no guest, or the settings can't be used.
    pub async fn start(shared: Shared, path: &Path) -> Result<Self, Failure> {
        let functions = Self { shared, path: path.to_owned(), all: Mutex::default() };
        functions.refresh().await?;
        if functions.lock().is_empty() {
            return Err(nothing(path));
        }
        Ok(functions)
    }

    /// Brings the functions up to date with the guests. It starts functions that are new, that do not run, or whose
    /// settings changed. It removes those whose guest is gone. All others check for a newer guest on this machine.
    ///
    /// # Errors
    /// If the settings can't be used. Then nothing changes.
    pub async fn refresh(&self) -> Result<Vec<Change>, Failure> {
        let found = guests::find(&self.path, &self.shared.access)?;
        let (mut changes, mut current) = (Vec::new(), Vec::new());
        let names: Vec<String> = found.iter().map(|found| found.name.clone()).collect();
        for Found { name, source, settings } in found {
            let (known, reported) = match self.lock().get(&name) {
                Some(slot) => (Some((slot.settings == settings, slot.served.clone())), slot.failure.clone()),
                None => (None, None),
            };
            if let Some((true, served)) = &known
                && served.as_ref().as_ref().is_ok_and(|function| !function.has_ended())
            {
                current.push(served.clone());
                continue;
            }
            let served = match source {
                Ok(source) => Function::start(&self.shared, &name, source, settings.clone()).await,
                Err(failure) => Err(failure),
            };
            let is_news = |failure: &Failure| !reported.as_ref().is_some_and(|reported| reported.has_cause_of(failure));
            match (served, known) {
                (Err(failure), Some((_, before))) if before.is_ok() => {
                    if is_news(&failure) {
                        changes.push(Change::Kept(name.clone(), failure.clone()));
                    }
                    if let Some(slot) = self.lock().get_mut(&name) {
                        slot.failure = Some(failure);
                    }
                }
                (Err(failure), _) => {
                    if is_news(&failure) {
                        changes.push(Change::Broken(name.clone(), failure.clone()));
                    }
                    let reported = Some(failure.clone());
                    self.put(name, Slot { settings, served: Arc::new(Err(failure)), failure: reported });
                }
                (Ok(function), _) => {
                    changes.push(Change::Added(name.clone()));
                    self.put(name, Slot { settings, served: Arc::new(Ok(function)), failure: None });
                }
            }
        }
        let refresh = |served: Served| async move {
            if let Ok(function) = &*served {
                function.refresh_now().await;
            }
        };
        join_all(current.into_iter().map(refresh)).await;
        let gone: Vec<String> = self.lock().keys().filter(|name| !names.contains(name)).cloned().collect();
        for name in gone {
            let before = self.lock().remove(&name);
            drop(before);
            changes.push(Change::Removed(name));
        }
        Ok(changes)
    }

    /// Ends all functions, and removes what their guests left in `/tmp`.
    pub fn end(&self) {
        let all = std::mem::take(&mut *self.lock());
        drop(all);
        self.shared.scratch.remove();
    }

    /// Returns the function of this name. A function that is the only one also has the name `function`, as in the
    /// emulator.
    pub fn get(&self, name: &str) -> Option<Served> {
        let all = self.lock();
        let found = all.get(name).or_else(|| {
            let mut all = all.values();
            (name == "function").then(|| all.next().filter(|_| all.next().is_none())).flatten()
        });
        found.map(|slot| slot.served.clone())
    }

    /// Returns the function that has this label in the names of hosts, with its own name. Where several have it, none
    /// gets it: pages and cookies of one would be those of another.
    pub fn labelled(&self, wanted: &str) -> Option<(String, Served)> {
        let all = self.lock();
        let mut found = all.iter().filter(|(name, _)| label(name).as_deref() == Some(wanted));
        match (found.next(), found.next()) {
            (Some((name, slot)), None) => Some((name.clone(), slot.served.clone())),
            (Some(_), Some(_)) => None,
            (None, _) => {
                drop(all);
                Some((wanted.to_owned(), self.get(wanted)?))
            }
        }
    }

    /// Returns the label by which this function has an origin of its own, if no other has it.
    pub fn label_of(&self, name: &str) -> Option<String> {
        let label = label(name)?;
        self.labelled(&label).map(|_| label)
    }

    /// Calls the function in a task of its own, because an invocation continues if its caller disconnects. A function
    /// that can't start responds with the reason, as on Lambda.
    ///
    /// # Errors
    /// If another call with this request id is in flight.
    pub fn call(served: &Served, call: Call) -> Result<Parts, RequestIdInUse> {
        let (to, parts) = Parts::channel();
        match &**served {
            Ok(function) => {
                let (started, served) = (function.begin(call)?, served.clone());
                tokio::spawn(async move {
                    if let Ok(function) = &*served {
                        function.complete(started, to).await;
                    }
                });
            }
            Err(failure) => {
                let log_tail = format!("{failure}\n").into_bytes();
                // There is room for one part.
                let _ = to.try_send(Part::End(Ended { error: Some(wire::error_body(failure)), log_tail }));
            }
        }
        Ok(parts)
    }

    /// Returns all functions with their names, sorted by name.
    pub fn all(&self) -> Vec<(String, Served)> {
        self.lock().iter().map(|(name, slot)| (name.clone(), slot.served.clone())).collect()
    }

    /// Puts a function in place. The previous one is dropped after the lock is released.
    fn put(&self, name: String, slot: Slot) {
        let before = self.lock().insert(name, slot);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        lock(&self.all)
    }
}

/// Returns a function's name as a label of a host's name: in lower case, and with `-` in place of what is no letter or
/// digit. There is none for a name of other characters only, or one that is too long.
fn label(name: &str) -> Option<String> {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' };
    let label: String = name.chars().map(plain).collect();
    let label = label.trim_matches('-');
    (1..=LABEL_LIMIT_BYTES).contains(&label.len()).then(|| label.to_owned())
}

/// The maximum length of a label (RFC 1035, section 2.3.4), in bytes.
const LABEL_LIMIT_BYTES: usize = 63;

fn nothing(path: &Path) -> Failure {
    match path.is_dir() {
        true => Failure::new(ErrorType::GuestNotFound, format!("`{}` holds no guests", path.display())).hint(
            "build one with `cargo build --release --target wasm32-wasip2`, and name the directory with the `.wasm` file",
        ),
        false => Failure::new(ErrorType::GuestNotFound, format!("no such guest: `{}`", path.display()))
            .hint("name a `.wasm` file that a build wrote or, for `guesthouse serve`, a directory of them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_label_that_hosts_may_have() {
        for (name, expected) in [
            ("hello", "hello"),
            ("Hello_World", "hello-world"),
            ("billing/refund", "billing-refund"),
            ("a b.", "a-b"),
            ("caf\u{e9}2", "caf-2"),
        ] {
            assert_eq!(label(name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(label(&"x".repeat(63)), Some("x".repeat(63)));
        assert_eq!((label(&"x".repeat(64)), label("--"), label("")), (None, None, None));
    }
}
