//! The command `try` shows a response from a fresh clone: it builds the host and a guest, and invokes the guest.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
};

use crate::{Result, cargo, guests, root, run as execute, say, tools};

const EVENT: &str = r#"{"name":"newcomer"}"#;

pub fn run() -> Result<()> {
    tools::wasm_targets()?;
    say("building the host (10 minutes when it is the first time: it brings a compiler)");
    execute(cargo(&root()).args(["build", "--locked", "--package", "guesthouse", "--bins"]))?;
    say("building the guest guests/hello");
    execute(cargo(&root().join("guests")).args(["build", "--locked", "--release", "--package", "hello"]))?;

    let guest = "guests/target/wasm32-wasip2/release/hello.wasm";
    say(&format!("guesthouse serve {guest}"));
    let mut lambda = Lambda::start(guest)?;
    let address = lambda.address()?;
    say(&format!("curl -d '{EVENT}' http://{address}/2015-03-31/functions/hello/invocations"));
    println!("{}", invoke(&address)?);
    Ok(())
}

/// A process of `guesthouse serve`, which ends when this value is dropped.
struct Lambda(Child);

impl Lambda {
    fn start(guest: &str) -> Result<Self> {
        let mut command = guests::tool();
        command.current_dir(root()).args(["serve", guest, "--port", "0"]).stdout(Stdio::piped());
        Ok(Self(command.spawn()?))
    }

    /// Returns the address of the local Lambda, once it is ready.
    fn address(&mut self) -> Result<String> {
        let output = self.0.stdout.take().ok_or("the local Lambda has no output")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            if let Some(address) = line
                .strip_prefix("ready: ")
                .and_then(|line| line.split(['/', ' ']).find(|part| part.contains(':') && !part.ends_with(':')))
            {
                return Ok(address.to_owned());
            }
        }
        Err("the local Lambda ended before it was ready".into())
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        // The process may have ended by itself already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Invokes the guest, and returns the body of the response.
fn invoke(address: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /2015-03-31/functions/hello/invocations HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{EVENT}",
        EVENT.len()
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("the local Lambda did not respond with HTTP")?;
    if head.starts_with("HTTP/1.1 200") && !head.contains("x-amz-function-error") {
        return Ok(body.to_owned());
    }
    Err(format!("the local Lambda returned {response}").into())
}
