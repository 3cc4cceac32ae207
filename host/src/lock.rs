//! This module locks a mutex whose data stays consistent when a thread panics while it holds the lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks the mutex. A panic of another holder does not matter: all that this crate keeps behind a mutex is changed in
/// single steps, so it is never left half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
