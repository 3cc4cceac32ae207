pub use tokio::task::*;

/// Runs the function when its turn comes. Meanwhile nothing else runs.
pub fn spawn_blocking<F, R>(function: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    spawn(async move { function() })
}

/// Runs the function. Meanwhile nothing else runs.
pub fn block_in_place<F, R>(function: F) -> R
where
    F: FnOnce() -> R,
{
    function()
}
