//! This module is the way from a guest's request or connection to the network: the rules decide, secrets and signatures
//! are put in, and the client sends.

use std::net::SocketAddr;

use http::{HeaderValue, Method, Request, Response, header::HOST};

use super::{
    Error,
    address::Kind,
    aws::{
        Signer,
        services::{AwsService, AwsServices},
    },
    client::{Client, RequestBody, ResponseBody, Timeouts},
    denials::Denials,
    host::{Host, parse_authority},
    rules::{Grant, Rule, Rules, Scheme},
    runtime_api::RuntimeApi,
    secrets::{Secret, fill_in},
    share::Share,
    stored_secrets::Stores,
};

/// What the guests of one handler reach of the network. Their connections belong to it, so they outlive instances.
pub struct Network {
    rules: Rules,
    secrets: Vec<Secret>,
    stores: Stores,
    runtime_api: RuntimeApi,
    signer: Signer,
    client: Client,
    denials: Denials,
}

/// What the settings grant.
#[derive(Default)]
pub struct NetworkGrants {
    /// The setting `network.allow`.
    pub rules: Rules,
    /// The setting `aws`.
    pub services: Vec<AwsService>,
    /// The setting `secrets`.
    pub secrets: Vec<Secret>,
}

impl Network {
    /// Returns the network that these grants give. `variables` are the host's environment variables: they name proxies,
    /// credentials and endpoints.
    pub fn new(granted: NetworkGrants, runtime_api: RuntimeApi, variables: &[(&str, &str)]) -> Self {
        let find = |name: &str| {
            let found = variables.iter().find(|(own, value)| *own == name && !value.is_empty());
            found.map(|(_, value)| (*value).to_owned())
        };
        let services = AwsServices::new(granted.services, variables.iter().copied());
        Self {
            rules: granted.rules,
            secrets: granted.secrets,
            stores: Stores::new(find),
            signer: Signer::new(services, find),
            client: Client::new(runtime_api.clone(), find),
            runtime_api,
            denials: Denials::default(),
        }
    }

    /// Fetches the secrets that are not in the environment, once. Guests are started after that.
    ///
    /// # Errors
    /// Returns which secret can't be fetched, and why.
    pub async fn fetch_secrets(&self) -> Result<(), String> {
        for secret in &self.secrets {
            if let Some(stored) = secret.value.missing() {
                let fetched = self.stores.fetch(stored, &self.client, self.signer.credentials()).await;
                let explained = |error| format!("can't get the secret `{}`: {error}", secret.name);
                secret.value.set(fetched.map_err(explained)?);
            }
        }
        Ok(())
    }

    /// Sends a request, if it is granted. What is denied is logged.
    ///
    /// # Errors
    /// Returns the reason why there is no response.
    pub async fn send(
        &self,
        request: Request<RequestBody>,
        timeouts: Timeouts,
        share: &Share,
    ) -> Result<Response<ResponseBody>, Error> {
        let sent = self.send_granted(request, timeouts, share).await;
        sent.inspect_err(|error| self.log(error))
    }

    async fn send_granted(
        &self,
        mut request: Request<RequestBody>,
        timeouts: Timeouts,
        share: &Share,
    ) -> Result<Response<ResponseBody>, Error> {
        let uri = request.uri();
        let scheme = if uri.scheme() == Some(&http::uri::Scheme::HTTPS) { Scheme::Https } else { Scheme::Http };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let (host, port) = parse_authority(authority, scheme.default_port()).map_err(Error::Malformed)?;
        if request.method() == Method::CONNECT {
            return Err(Error::Malformed("a guest can't use a server as a proxy".to_owned()));
        }
        let grant = self.grant(scheme, &host, port)?;
        // The server is told the same name that the rules were asked for.
        let wire_host = match Some(port) == scheme.default_port() {
            true => host.to_string(),
            false => format!("{host}:{port}"),
        };
        let wire_host = HeaderValue::try_from(wire_host).map_err(|error| Error::Malformed(error.to_string()))?;
        request.headers_mut().insert(HOST, wire_host);
        let permit = share.turn(|| self.log_wait()).await;
        let target = (scheme, &host, port);
        fill_in(request.headers_mut(), &self.secrets, target).map_err(|header| {
            Error::NotSigned(format!("a secret can't be in the header `{header}`: it has characters that none has"))
        })?;
        self.signer.sign_again(&mut request, target, &share.buffers).await?;
        self.client.send(&grant, request, timeouts, permit).await
    }

    /// Logs that a request waits for others of its instance.
    fn log_wait(&self) {
        self.denials.log(
            &"a request waits, because the instance has as many responses as it may that nobody has read to the end",
            "read or close the body of each response",
        );
    }

    /// Returns what is granted of a request.
    fn grant(&self, scheme: Scheme, host: &Host, port: u16) -> Result<Grant, Error> {
        check_literal(host)?;
        match self.rules.check(scheme, host, port) {
            Ok(grant) => Ok(grant),
            Err(rule) => self.signer.services().check(scheme, host, port).ok_or_else(|| Error::Denied(rule)),
        }
    }

    /// Checks that a guest may look up a name, and returns its canonical form.
    ///
    /// # Errors
    /// Returns [`Error::Denied`], which is logged, or [`Error::Malformed`].
    pub fn check_lookup(&self, name: &str) -> Result<Host, Error> {
        let host = Host::parse(name).map_err(Error::Malformed)?;
        if self.rules.name_a_socket(&host) {
            return Ok(host);
        }
        let error = Error::Lookup(std::io::ErrorKind::PermissionDenied.into());
        self.denials.log(
            &format_args!("a lookup of the name `{host}` was denied"),
            &format!("add `tcp://{host}:PORT` to `network.allow`"),
        );
        Err(error)
    }

    /// Checks that a guest may connect a socket to an address. `names` are those that it looked up and that have this
    /// address.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] or [`Error::ProhibitedAddress`], which are logged.
    pub fn check_connect(&self, names: &[Host], address: SocketAddr) -> Result<(), Error> {
        let literal = Host::Address(address.ip());
        check_literal(&literal).inspect_err(|error| self.log(error))?;
        let hosts = names.iter().chain([&literal]);
        let granted = hosts.map(|host| self.rules.check(Scheme::Tcp, host, address.port()));
        let mut error = None;
        for grant in granted {
            let judged = match grant {
                Ok(grant) => grant.allows(address.ip(), &self.runtime_api).map_err(Error::ProhibitedAddress),
                Err(rule) => Err(Error::Denied(rule)),
            };
            match judged {
                Ok(()) => return Ok(()),
                Err(denied) => error = error.or(Some(denied)),
            }
        }
        let error = error.unwrap_or(Error::Denied(Rule::for_one(Scheme::Tcp, literal, address.port())));
        self.log(&error);
        Err(error)
    }

    fn log(&self, error: &Error) {
        match error {
            Error::Denied(rule) => {
                self.denials.log(error, &format!("add `{rule}` to `network.allow` of this handler"));
            }
            Error::ProhibitedAddress(_) | Error::NotSigned(_) => {
                self.denials.log(error, "see docs/network.md");
            }
            _ => {}
        }
    }
}

/// Checks that a host is not an address that no rule can grant: the hint to add a rule would lead nowhere.
fn check_literal(host: &Host) -> Result<(), Error> {
    match host {
        Host::Address(address) => Kind::refused(*address).map_err(Error::ProhibitedAddress),
        Host::Name(_) => Ok(()),
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("rules", &self.rules).finish_non_exhaustive()
    }
}
