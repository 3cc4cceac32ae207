//! The functions of a local Lambda, and how they follow the folder that they come from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

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
}

/// What became of a function.
pub enum Change {
    /// It is served from now on.
    Added(String),
    /// Its guest is gone, and it is, too.
    Removed(String),
    /// It can't be served.
    Broken(String, Failure),
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
    /// look for a newer guest.
    ///
    /// # Errors
    /// When the settings can't be used. Then all stays as it is.
    pub async fn refresh(&self) -> Result<Vec<Change>, Failure> {
        let found = guests::find(&self.path, &self.shared.access)?;
        let mut changes = Vec::new();
        let names: Vec<String> = found.iter().map(|found| found.name.clone()).collect();
        for Found { name, source, settings } in found {
            let known = self.lock().get(&name).filter(|slot| slot.settings == settings).map(|slot| slot.served.clone());
            if let Some(Ok(function)) = known.as_deref() {
                function.look_now().await;
                continue;
            }
            let served = match source {
                Ok(source) => Function::start(&self.shared, &name, source, settings.clone()).await,
                Err(failure) => Err(failure),
            };
            let before = known.as_deref().and_then(|known| known.as_ref().err());
            match &served {
                Ok(_) => changes.push(Change::Added(name.clone())),
                Err(failure) if before == Some(failure) => {}
                Err(failure) => changes.push(Change::Broken(name.clone(), failure.clone())),
            }
            self.lock().insert(name, Slot { settings, served: Arc::new(served) });
        }
        self.lock().retain(|name, _| {
            let stays = names.contains(name);
            if !stays {
                changes.push(Change::Removed(name.clone()));
            }
            stays
        });
        Ok(changes)
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
