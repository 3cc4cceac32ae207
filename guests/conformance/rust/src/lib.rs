//! Does what the conformance tests ask of the guests of every language.

use std::{
    cell::Cell,
    fmt, fs,
    io::ErrorKind,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use guesthouse_guest::{Context, Error, handler};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Event {
    r#do: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    lines: u32,
    #[serde(default)]
    name: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    ms: u64,
}

#[derive(Debug)]
struct OrderNotFound;

impl fmt::Display for OrderNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such order")
    }
}

impl std::error::Error for OrderNotFound {}

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn handle(event: Event, context: Context) -> Result<Value, Error> {
    Ok(match event.r#do.as_str() {
        "echo" => event.value,
        "fail typed" => return Err(OrderNotFound.into()),
        "fail untyped" => return Err("something went wrong".into()),
        "log" => {
            for line in 1..=event.lines {
                println!("out {line}");
                eprintln!("err {line}");
            }
            Value::Null
        }
        "count" => {
            COUNT.set(COUNT.get() + 1);
            json!(COUNT.get())
        }
        "write" => {
            fs::write(format!("/tmp/{}", event.name), event.text)?;
            Value::Null
        }
        "read" => match fs::read_to_string(format!("/tmp/{}", event.name)) {
            Ok(text) => json!(text),
            Err(error) if error.kind() == ErrorKind::NotFound => Value::Null,
            Err(error) => return Err(error.into()),
        },
        "env" => json!(std::env::var(event.name).ok()),
        "now" => json!(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis()),
        "sleep" => {
            let start = Instant::now();
            thread::sleep(Duration::from_millis(event.ms));
            json!(start.elapsed().as_millis())
        }
        "random" => {
            let numbers: Vec<String> = (0..8).map(|_| fastrand::u64(..).to_string()).collect();
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "default": numbers.join(" "), "secure": hex })
        }
        "remaining" => json!(context.remaining_time().as_millis()),
        "context" => described(&context)?,
        _ => return Err("no such behaviour".into()),
    })
}

fn described(context: &Context) -> Result<Value, Error> {
    let client: Value = context.client_context.as_deref().map_or(Ok(Value::Null), serde_json::from_str)?;
    Ok(json!({
        "request_id": context.request_id,
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_mib": context.memory_limit_mib,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "deadline_ms": context.deadline_ms,
        "trace_id": context.trace_id,
        "tenant_id": context.tenant_id,
        "identity_id": context.identity.as_ref().map(|identity| &identity.identity_id),
        "identity_pool_id": context.identity.as_ref().map(|identity| &identity.identity_pool_id),
        "custom": client["custom"],
    }))
}

handler!(handle);
