//! The functions of a local Lambda, and how they follow the folder that they come from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::join_all;

use super::{
    Function, Shared,
    guests::{self, Found},
};
use crate::{
    config::Settings,
    failure::{ErrorType, Failure},
};

/// The functions of a local Lambda, by name. One that can't start is there too, with the reason.
pub struct Functions {
    shared: Shared,
    /// A folder, or one file.
    path: PathBuf,
    all: Mutex<BTreeMap<String, Slot>>,
}

/// A function, or why there is none.
pub type Served = Arc<Result<Function, Failure>>;

struct Slot {
    settings: Settings,
    served: Served,
    /// Why it could not be started with newer settings.
    failure: Option<Failure>,
}

/// What became of a function.
pub enum Change {
    /// It is served from now on.
    Added(String),
    /// Its guest is gone, and it is, too.
    Removed(String),
    /// It can't be served.
    Broken(String, Failure),
    /// It can't be served with its newer settings, and goes on with those before.
    Kept(String, Failure),
}

impl Functions {
    /// Loads each guest of a folder, or the one that is named, and starts its workers. A guest that can't be served is kept with its
    /// failure.
    ///
    /// # Errors
    /// When there is nothing to serve, or the settings can't be used.
    pub async fn start(shared: Shared, path: &Path) -> Result<Self, Failure> {
        let functions = Self { shared, path: path.to_owned(), all: Mutex::default() };
        functions.refresh().await?;
        if functions.lock().is_empty() {
            return Err(nothing(path));
        }
        Ok(functions)
    }

    /// Looks at the guests again: starts functions that are new, or whose settings are; ends those whose guest is gone; has each other
    /// look for a newer guest on this machine.
    ///
    /// # Errors
    /// When the settings can't be used. Then all stays as it is.
    pub async fn refresh(&self) -> Result<Vec<Change>, Failure> {
        let found = guests::find(&self.path, &self.shared.access)?;
        let (mut changes, mut current) = (Vec::new(), Vec::new());
        let names: Vec<String> = found.iter().map(|found| found.name.clone()).collect();
        for Found { name, source, settings } in found {
            let (known, told) = match self.lock().get(&name) {
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
            let is_news = |failure: &Failure| told.as_ref() != Some(failure);
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
                    let told = Some(failure.clone());
                    self.put(name, Slot { settings, served: Arc::new(Err(failure)), failure: told });
                }
                (Ok(function), _) => {
                    changes.push(Change::Added(name.clone()));
                    self.put(name, Slot { settings, served: Arc::new(Ok(function)), failure: None });
                }
            }
        }
        let look = |served: Served| async move {
            if let Ok(function) = &*served {
                function.look_now().await;
            }
        };
        join_all(current.into_iter().map(look)).await;
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

    /// The function of this name. A lone one answers to `function` too, as it does under the emulator.
    pub fn get(&self, name: &str) -> Option<Served> {
        let all = self.lock();
        let found = all.get(name).or_else(|| {
            let mut all = all.values();
            (name == "function").then(|| all.next().filter(|_| all.next().is_none())).flatten()
        });
        found.map(|slot| slot.served.clone())
    }

    /// All functions, by name.
    pub fn all(&self) -> Vec<(String, Served)> {
        self.lock().iter().map(|(name, slot)| (name.clone(), slot.served.clone())).collect()
    }

    /// What was there before ends when nobody holds the lock any more.
    fn put(&self, name: String, slot: Slot) {
        let before = self.lock().insert(name, slot);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nothing(path: &Path) -> Failure {
    match path.is_dir() {
        true => Failure::new(ErrorType::GuestNotFound, format!("`{}` holds no guests", path.display())).hint(
            "build one with `cargo build --release --target wasm32-wasip2`, and name the folder with the `.wasm` file",
        ),
        false => Failure::new(ErrorType::GuestNotFound, format!("no such guest: `{}`", path.display()))
            .hint("name a `.wasm` file that a build wrote; to serve, a folder of them will do too"),
    }
}
