//! This module puts secrets into the headers of requests. A guest has only placeholders for them.

use std::{borrow::Cow, sync::OnceLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::{
    host::Host,
    rules::{Rules, Scheme},
};

/// A secret of one handler, such as an API key.
pub struct Secret {
    /// The name of the guest's environment variable that has the placeholder.
    pub name: String,
    /// The value, which no guest ever sees.
    pub value: SecretValue,
    /// The servers that receive the value.
    pub receivers: Rules,
}

/// The value of a secret, or where it is.
pub struct SecretValue {
    value: OnceLock<String>,
    stored: Option<Stored>,
}

/// A place from which the host fetches a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// An environment variable, which is not set.
    Variable(String),
    /// A secret of AWS Secrets Manager, by its name or ARN.
    SecretsManager(String),
    /// A parameter of the SSM Parameter Store, by its name or ARN.
    Parameter(String),
}

impl SecretValue {
    /// Returns the value of an environment variable, if it is set.
    pub fn in_variable(name: &str, value: Option<&str>) -> Self {
        let known = value.map_or_else(OnceLock::new, |value| value.to_owned().into());
        Self { value: known, stored: Some(Stored::Variable(name.to_owned())) }
    }

    /// Returns a value that is in AWS Secrets Manager.
    pub fn in_secrets_manager(id: &str) -> Self {
        Self { value: OnceLock::new(), stored: Some(Stored::SecretsManager(id.to_owned())) }
    }

    /// Returns a value that is in the SSM Parameter Store.
    pub fn in_parameter_store(name: &str) -> Self {
        Self { value: OnceLock::new(), stored: Some(Stored::Parameter(name.to_owned())) }
    }

    /// Returns where the value has to be fetched from, until it was.
    pub fn missing(&self) -> Option<&Stored> {
        if self.value.get().is_none() { self.stored.as_ref() } else { None }
    }

    /// Keeps the value that was fetched.
    pub fn set(&self, value: String) {
        // Only the first one counts, and all are the same.
        drop(self.value.set(value));
    }
}

impl Secret {
    /// Returns the text that a guest has in the place of the value.
    pub fn placeholder(name: &str) -> String {
        format!("guesthouse-secret-{name}-")
    }

    /// Returns whether this server receives the value.
    fn is_for(&self, scheme: Scheme, host: &Host, port: u16) -> bool {
        self.receivers.check(scheme, host, port).is_ok()
    }
}

/// Replaces the placeholders in the headers of a request to this server, also in the name and password of `Basic`.
/// Placeholders of secrets that are for other servers are left as they are.
///
/// # Errors
/// Returns the name of a secret that can't be in a header.
pub fn fill_in(
    headers: &mut HeaderMap,
    secrets: &[Secret],
    (scheme, host, port): (Scheme, &Host, u16),
) -> Result<(), String> {
    let own = || secrets.iter().filter(|secret| secret.is_for(scheme, host, port));
    if own().next().is_none() {
        return Ok(());
    }
    for (name, value) in headers.iter_mut() {
        let Ok(text) = value.to_str() else { continue };
        let basic = if name == AUTHORIZATION { decoded_basic(text) } else { None };
        let before: Cow<'_, str> = basic.as_deref().map_or(text.into(), Into::into);
        let mut after = before.clone();
        for secret in own() {
            let placeholder = Secret::placeholder(&secret.name);
            if let Some(value) = secret.value.value.get()
                && after.contains(&placeholder)
            {
                after = after.replace(&placeholder, value).into();
            }
        }
        if after == before {
            continue;
        }
        let filled = match basic {
            Some(_) => format!("Basic {}", BASE64_STANDARD.encode(after.as_bytes())),
            None => after.into_owned(),
        };
        let mut filled = HeaderValue::try_from(filled).map_err(|_| name.to_string())?;
        filled.set_sensitive(true);
        *value = filled;
    }
    Ok(())
}

/// Returns the name and the password of a header with the scheme `Basic`. Source: RFC 7617.
fn decoded_basic(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    is_basic.then(|| String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(url: (&str, Scheme), name: &'static str, value: &str) -> String {
        let secrets = [Secret {
            name: "STRIPE_KEY".to_owned(),
            value: SecretValue::in_variable("KEY", Some("sk_live")),
            receivers: Rules::parse(["https://api.stripe.com"]).unwrap(),
        }];
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let host = Host::parse(url.0).unwrap();
        fill_in(&mut headers, &secrets, (url.1, &host, url.1.default_port().unwrap())).unwrap();
        headers[name].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_secret_goes_to_its_server_and_to_no_other() {
        let stripe = ("api.stripe.com", Scheme::Https);
        assert_eq!(filled(stripe, "authorization", "Bearer guesthouse-secret-STRIPE_KEY-"), "Bearer sk_live");
        assert_eq!(filled(stripe, "x-api-key", "guesthouse-secret-STRIPE_KEY-"), "sk_live");
        for other in
            [("api.stripe.com.evil.com", Scheme::Https), ("api.stripe.com", Scheme::Http), ("evil.com", Scheme::Https)]
        {
            let value = "Bearer guesthouse-secret-STRIPE_KEY-";
            assert_eq!(filled(other, "authorization", value), value);
        }
    }

    #[test]
    fn a_secret_is_filled_in_where_basic_hides_it() {
        let encode = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let stripe = ("api.stripe.com", Scheme::Https);
        assert_eq!(filled(stripe, "authorization", &encode("guesthouse-secret-STRIPE_KEY-:")), encode("sk_live:"));
        assert_eq!(filled(stripe, "authorization", &encode("user:password")), encode("user:password"));
        assert_eq!(filled(stripe, "authorization", "Basic !"), "Basic !");
    }

    #[test]
    fn a_value_that_is_no_header_is_refused_with_the_headers_name() {
        let secrets = [Secret {
            name: "KEY".to_owned(),
            value: SecretValue::in_variable("KEY", Some("two\nlines")),
            receivers: Rules::parse(["https://a.example"]).unwrap(),
        }];
        let mut headers = HeaderMap::new();
        headers.insert("x-key", "guesthouse-secret-KEY-".parse().unwrap());
        let host = Host::parse("a.example").unwrap();
        assert_eq!(fill_in(&mut headers, &secrets, (Scheme::Https, &host, 443)).unwrap_err(), "x-key");
    }
}
