//! A running `guesthouse serve`.

use std::{path::Path, process::Command};

use super::{Program, Reply, http, program, tools};

pub struct Served {
    pub address: String,
    pub program: Program,
}

impl Served {
    /// Serves this guest, or all in this directory.
    pub fn start(guests: &Path, arguments: &[&str]) -> Self {
        Self::with_tmp(guests, Path::new("/tmp"), arguments)
    }

    /// The functions' own directories are made below `tmp`.
    pub fn with_tmp(guests: &Path, tmp: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program("guesthouse"));
        command.env("TMPDIR", tmp).arg("serve").arg(guests).args(["--port", "0"]).args(arguments);
        if !arguments.contains(&"--timeout") {
            // Enough for whatever is not to end by a timeout, on a busy machine too.
            command.args(["--timeout", "300"]);
        }
        let program = Program::start(&mut command);
        let address = program.line("the line `ready`", |line| {
            line.strip_prefix("ready: ")?.split("http://").nth(1)?.split('/').next().map(str::to_owned)
        });
        Self { address, program }
    }

    pub fn invoke(&self, function: &str, event: impl Into<Vec<u8>>) -> Reply {
        self.invoke_with(function, &[], event)
    }

    /// Invokes with these headers.
    pub fn invoke_with(&self, function: &str, headers: &[(&str, &str)], event: impl Into<Vec<u8>>) -> Reply {
        Reply::served(http::invoke(&self.address, function, headers, &event.into()))
    }

    /// Invokes with the AWS command line: whether it ended well, what it said, and the response.
    pub fn aws(&self, function: &str, payload: &str) -> (bool, String, String) {
        let endpoint = format!("http://{}", self.address);
        let out = tempfile::NamedTempFile::new().unwrap();
        let ran = tools::aws()
            .args(["lambda", "invoke", "--endpoint-url", &endpoint, "--function-name", function])
            .args(["--log-type", "Tail", "--payload", payload])
            .arg(out.path())
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        (ran.status.success(), said, std::fs::read_to_string(out.path()).unwrap_or_default())
    }
}
