//! This module checks the signatures of artifacts, with minisign's public keys.
//!
//! Source of the format: <https://jedisct1.github.io/minisign/>.

use std::{fmt, str::FromStr};

use minisign_verify::{PublicKey, Signature};

/// `TrustedKeys` are the public keys of which one must have signed each artifact from outside the task root. Without
/// keys, no signature is required.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// Returns whether artifacts need a signature.
    pub fn require_signatures(&self) -> bool {
        !self.0.is_empty()
    }

    /// Checks that one of the keys signed these bytes. `signature` is the content of a `.minisig` file.
    ///
    /// # Errors
    /// What is wrong with the signature.
    pub fn check(&self, bytes: &[u8], signature: Option<&str>) -> Result<(), String> {
        let signature = signature.ok_or("it has no signature")?;
        let signature = Signature::decode(signature).map_err(|_| "its signature is not a minisign signature")?;
        match self.0.iter().any(|key| key.verify(bytes, &signature, false).is_ok()) {
            true => Ok(()),
            false => Err("none of the trusted keys made its signature, or it is for other bytes".to_owned()),
        }
    }
}

/// Parses public keys as `minisign -G` prints them, separated by spaces, line ends or commas. The comments in a `.pub`
/// file are skipped.
impl FromStr for TrustedKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lines = text.lines().filter(|line| !line.starts_with("untrusted comment:"));
        let written = lines.flat_map(|line| line.split([',', ' ', '\t'])).filter(|key| !key.is_empty());
        let keys = written.map(|key| {
            PublicKey::from_base64(key)
                .map_err(|_| format!("`{key}` is not a minisign public key, which begins with `RW`"))
        });
        match keys.collect::<Result<Vec<_>, _>>()? {
            keys if keys.is_empty() => Err("expected a minisign public key, which begins with `RW`".to_owned()),
            keys => Ok(Self(keys)),
        }
    }
}

impl fmt::Debug for TrustedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example key and signature of minisign's web page.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==
";

    #[test]
    fn what_a_trusted_key_signed_is_taken_and_anything_else_is_not() {
        let keys: TrustedKeys = KEY.parse().unwrap();
        assert_eq!(keys.check(b"test", Some(SIGNATURE)), Ok(()));
        assert!(keys.check(b"tesu", Some(SIGNATURE)).is_err());
        assert!(keys.check(b"test", None).unwrap_err().contains("no signature"));
        assert!(keys.check(b"test", Some("<html>")).unwrap_err().contains("not a minisign signature"));
    }

    /// A legacy signature is made of the bytes themselves, not of their hash. So one kind of signature could be passed
    /// off as the other.
    #[test]
    fn a_signature_of_the_older_kind_is_refused_and_so_is_one_that_only_says_it_is_newer() {
        const LEGACY: &str = "untrusted comment: signature from minisign secret key
RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=
trusted comment: timestamp:1555779966\tfile:test
QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==
";
        let keys: TrustedKeys = KEY.parse().unwrap();
        let own = Signature::decode(LEGACY).unwrap();
        assert!(keys.0[0].verify(b"test", &own, true).is_ok(), "it is a good one of its kind");
        assert!(keys.check(b"test", Some(LEGACY)).is_err());
        assert!(keys.check(b"test", Some(&LEGACY.replace("RWQf6", "RUQf6"))).is_err());
        assert!(keys.check(b"test", Some(&SIGNATURE.replace("RUQf6", "RWQf6"))).is_err());
    }

    #[test]
    fn what_the_signature_says_of_itself_is_signed_too() {
        let keys: TrustedKeys = KEY.parse().unwrap();
        for (from, to) in [("timestamp:1633700835", "timestamp:1733700835"), ("\tfile:test", ""), ("wLMD", "wLME")] {
            let changed = SIGNATURE.replace(from, to);
            assert_ne!(changed, SIGNATURE);
            assert!(keys.check(b"test", Some(&changed)).is_err(), "{to}");
        }
        // Only the comment that is not signed may differ.
        let comment = SIGNATURE.replace("signature from minisign secret key", "\u{1b}[2J");
        assert_eq!(keys.check(b"test", Some(&comment)), Ok(()));
    }

    /// A key's id only helps to find the key. Anyone can create a key with any id.
    #[test]
    fn of_two_keys_with_one_number_each_is_tried_and_none_stands_for_the_other() {
        use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
        let [own, other] = [(), ()].map(|()| minisign::KeyPair::generate_unencrypted_keypair().unwrap());
        let numbered = |text: &str, from: &str| {
            let (mut bytes, from) = (BASE64.decode(text).unwrap(), BASE64.decode(from).unwrap());
            bytes[2..10].copy_from_slice(&from[2..10]);
            BASE64.encode(bytes)
        };
        let (own_key, other_key) = (own.pk.to_base64(), other.pk.to_base64());
        let twin = numbered(&other_key, &own_key);
        let signed = minisign::sign(None, &other.sk, &b"guest"[..], None, None).unwrap().into_string();
        let mut lines: Vec<String> = signed.lines().map(str::to_owned).collect();
        lines[1] = numbered(&lines[1], &own_key);
        let signature = lines.join("\n");
        let taken = |keys: &str| keys.parse::<TrustedKeys>().unwrap().check(b"guest", Some(&signature)).is_ok();
        assert!(!taken(&own_key));
        assert!(taken(&twin) && taken(&format!("{own_key},{twin}")));
        assert!(!taken(&other_key), "the number is another");
    }

    #[test]
    fn one_of_several_keys_is_enough_and_comments_are_passed_over() {
        let keys: TrustedKeys =
            format!("untrusted comment: minisign public key E7620F18\n{KEY}\n, {KEY}").parse().unwrap();
        assert_eq!(keys.check(b"test", Some(SIGNATURE)), Ok(()));
        assert_eq!(keys.0.len(), 2);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", " , ", "RWQ", &KEY[1..], &format!("{KEY},x")] {
            assert!(text.parse::<TrustedKeys>().is_err(), "{text:?}");
        }
    }
}
