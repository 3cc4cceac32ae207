//! Hosts whose guest comes from elsewhere, and the keys that sign it.

use std::path::Path;

use super::{Host, Setup, wait_for};

/// A host whose guest comes from there.
pub fn from(reference: &str, refresh: &str) -> Setup {
    Host::in_directory(Path::new("/")).handler(reference).refresh(refresh)
}

/// The lines about a newer guest.
pub fn said(host: &Host) -> Vec<String> {
    let lines = host.program.lines();
    lines.into_iter().filter(|line| line.contains("swapped from") || line.contains(" stays at ")).collect()
}

/// The same, when there are so many.
pub fn said_by(host: &Host, count: usize) -> Vec<String> {
    let said = wait_for("the lines", || {
        // If a refresh takes longer than its invocation waits, the next invocation begins another.
        host.invoke("{}");
        Some(said(host)).filter(|said| said.len() >= count)
    });
    assert_eq!(said.len(), count, "{said:#?}");
    said
}

/// A pair of minisign's keys.
pub struct Key(minisign::KeyPair);

impl Key {
    pub fn new() -> Self {
        Self(minisign::KeyPair::generate_unencrypted_keypair().unwrap())
    }

    pub fn public(&self) -> String {
        self.0.pk.to_base64()
    }

    /// The text of a `.minisig` file.
    pub fn sign(&self, bytes: &[u8]) -> String {
        minisign::sign(None, &self.0.sk, std::io::Cursor::new(bytes), None, None).unwrap().into_string()
    }
}
