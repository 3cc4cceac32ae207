//! This module watches files for changes.

use std::{path::Path, sync::Arc, time::Duration};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// The time without changes after which a change is over. Tools write files in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// The maximum time to wait for the end of a change.
const LONGEST: Duration = Duration::from_secs(1);

/// A `Watch` watches a directory, or one file, for changes.
pub struct Watch {
    heard: Arc<Notify>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Starts to watch this path.
    ///
    /// # Errors
    /// If the system can't report changes.
    pub fn start(path: &Path) -> notify::Result<Self> {
        let heard = Arc::new(Notify::new());
        let telling = heard.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is not a change. An error may stand for one.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                telling.notify_one();
            }
        })?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| ".".as_ref());
        match path.is_dir() {
            true => watcher.watch(path, RecursiveMode::Recursive)?,
            // Editors and compilers replace the file by another one, so its directory is watched.
            false => watcher.watch(parent, RecursiveMode::NonRecursive)?,
        }
        Ok(Self { heard, _watcher: watcher })
    }

    /// Waits for a change, and until it is over.
    pub async fn changed(&mut self) {
        self.heard.notified().await;
        let latest = Instant::now() + LONGEST;
        while timeout_at(latest.min(Instant::now() + QUIET), self.heard.notified()).await.is_ok() {}
    }
}
