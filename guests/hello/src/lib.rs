//! Greets whoever the event names, and shows the two places where a handler can keep something: its own memory, which
//! the instance has to itself, and `/tmp`, which all instances of an environment share.

use std::{
    fs,
    io::ErrorKind,
    sync::atomic::{AtomicU64, Ordering},
};

use guesthouse_guest::{Context, Error, handler};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Event {
    name: Option<String>,
}

#[derive(Serialize)]
struct Response {
    message: String,
    /// How many events this instance has handled, this one included.
    count: u64,
    /// Whom the last greeting was for, as `/tmp` remembers it.
    last: Option<String>,
}

const LAST: &str = "/tmp/hello-last";

static COUNT: AtomicU64 = AtomicU64::new(0);

fn hello(event: Event, context: Context) -> Result<Response, Error> {
    let name = event.name.unwrap_or_else(|| "world".to_owned());
    println!("greeting {name} with {} ms left", context.remaining_time().as_millis());

    let last = match fs::read_to_string(LAST) {
        Ok(last) => Some(last),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    fs::write(LAST, &name)?;

    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    Ok(Response { message: format!("Hello {name}!"), count, last })
}

handler!(hello);
