//! This module makes an error of what a function's `main` returns.

use std::{any::Any, error::Error as StdError, fmt, iter};

use guesthouse_guest::Error;

/// The boxed error that most functions return.
type Boxed = Box<dyn StdError + Send + Sync>;

/// An error of `main`, which nothing but the log and the one who deploys it will see.
pub struct Failed(pub Error);

impl<E: fmt::Debug + 'static> From<&E> for Failed {
    fn from(error: &E) -> Self {
        let message = match (error as &dyn Any).downcast_ref::<Boxed>() {
            Some(boxed) => with_causes(&**boxed),
            // Of any other type it is only known how to debug it: Rust asks no more of `main`.
            None => format!("{error:?}"),
        };
        Self(Error::new("Error", message))
    }
}

fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let causes = iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}
