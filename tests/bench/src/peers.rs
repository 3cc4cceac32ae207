//! This module has what AWS's runtimes for Python and Node run, which `cargo xtask bench` installs.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{contestant::Contestant, work::Work};

/// AWS's runtimes for Python and Node, with the interpreters that run them.
pub struct Peers {
    python: PathBuf,
    node: PathBuf,
    node_runtime: PathBuf,
}

impl Peers {
    /// Returns what is installed below this directory of the repository.
    ///
    /// # Errors
    /// Returns an error with the remedy if it is not installed.
    pub fn new(root: &Path) -> Result<Self, Box<dyn Error>> {
        let directory = root.join("target/tools/peers");
        let packages = directory.join("node/node_modules");
        let programs = fs::read_dir(&packages)?.flatten().map(|entry| entry.path().join("bin/node"));
        let node =
            programs.into_iter().find(|program| program.exists()).ok_or("there is no Node: cargo xtask bench")?;
        let (python, node_runtime) = (directory.join("python/bin/python"), packages.join("aws-lambda-ric/index.mjs"));
        Ok(Self { python, node, node_runtime })
    }

    /// Returns the versions of Python and Node.
    pub fn versions(&self) -> [String; 2] {
        let version = |program: &Path| {
            let output = Command::new(program).arg("--version").output();
            output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
        };
        [version(&self.python), format!("Node {}", version(&self.node))]
    }

    /// Returns a function in Python, whose modules are in this directory.
    pub fn python(&self, name: &'static str, directory: &Path, handler: fn(Work) -> String) -> Contestant {
        let directory = directory.to_string_lossy();
        Contestant::new(name, &self.python, handler)
            .argument("-m")
            .argument("awslambdaric")
            .argument("HANDLER")
            .env("LAMBDA_TASK_ROOT", &*directory)
            .env("PYTHONPATH", &*directory)
    }

    /// Returns a function in JavaScript, whose modules are in this directory.
    pub fn node(&self, name: &'static str, directory: &Path, handler: fn(Work) -> String) -> Contestant {
        Contestant::new(name, &self.node, handler)
            .argument(self.node_runtime.to_string_lossy())
            .argument("HANDLER")
            .env("LAMBDA_TASK_ROOT", directory.to_string_lossy())
    }
}
