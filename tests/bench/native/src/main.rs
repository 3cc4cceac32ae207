//! Greets whoever the event names, as a native function.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Event {
    name: String,
}

#[derive(Serialize)]
struct Answer {
    message: String,
}

async fn hello(event: LambdaEvent<Event>) -> Result<Answer, Error> {
    Ok(Answer { message: format!("Hello {}!", event.payload.name) })
}

fn main() -> Result<(), Error> {
    // As the host does: one thread where one invocation runs at a time.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(lambda_runtime::run(service_fn(hello)))
}
