use crate::{BoxFuture, Error};

/// What has to do something around a snapshot. No guest is restored from one, so nothing calls it.
pub trait SnapStartResource: Send + Sync {
    /// Is called before the snapshot.
    fn before_snapshot(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Is called when it was restored.
    fn after_restore(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}
