//! Hears of changes to files.

use std::{path::Path, sync::Arc, time::Duration};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// How long there has to be quiet after a change, for what writes files does so in pieces; and how long that is waited for.
const QUIET: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// Hears of changes to a folder, or to one file.
pub struct Watch {
    heard: Arc<Notify>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// # Errors
    /// When the system does not tell.
    pub fn start(path: &Path) -> notify::Result<Self> {
        let heard = Arc::new(Notify::new());
        let telling = heard.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is no change. What could not be told may be one.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                telling.notify_one();
            }
        })?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| ".".as_ref());
        match path.is_dir() {
            true => watcher.watch(path, RecursiveMode::Recursive)?,
            // Editors and compilers put another file into its place.
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
