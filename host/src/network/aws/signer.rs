//! This module signs a guest's request again.

use std::{sync::Arc, time::SystemTime};

use http::{Request, header::AUTHORIZATION};
use tokio::sync::Semaphore;

use super::{
    authorization::Authorization,
    credentials::{CredentialSource, PLACEHOLDER},
    payload,
    services::AwsServices,
    sign,
};
use crate::network::{Error, client::RequestBody, host::Host, rules::Scheme};

/// The only algorithm with which requests are signed.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs the requests of one handler's guests again.
pub struct Signer {
    services: AwsServices,
    credentials: CredentialSource,
}

impl Signer {
    /// Returns a signer for these services. `variable` has the environment variables that name the credentials.
    pub fn new(services: AwsServices, variable: impl Fn(&str) -> Option<String>) -> Self {
        Self { services, credentials: CredentialSource::new(variable) }
    }

    /// Returns the function's own credentials.
    pub fn credentials(&self) -> &CredentialSource {
        &self.credentials
    }

    /// Returns the services that may be called.
    pub fn services(&self) -> &AwsServices {
        &self.services
    }

    /// Signs the request again, if it was signed with the placeholder.
    ///
    /// # Errors
    /// Returns [`Error::NotSigned`] with the reason, or [`Error::BodyTooLarge`].
    pub async fn sign_again(
        &self,
        request: &mut Request<RequestBody>,
        (scheme, host, port): (Scheme, &Host, u16),
        buffers: &Arc<Semaphore>,
    ) -> Result<(), Error> {
        if request.uri().query().is_some_and(|query| query.contains(PLACEHOLDER)) {
            return Err(Error::NotSigned(
                "the address was signed in the guest, with a key that is a placeholder; such an address needs a real \
                 key: pass it to this handler with `env.pass`"
                    .to_owned(),
            ));
        }
        let Some(value) = request.headers().get(AUTHORIZATION).cloned() else { return Ok(()) };
        let signature = value.to_str().ok().and_then(Authorization::parse);
        let Some(signature) = signature.filter(|signature| signature.key_id == PLACEHOLDER) else { return Ok(()) };
        if !self.services.is_aws(scheme, host, port) {
            return Err(Error::NotSigned(format!(
                "`{host}` is not a host of AWS, so a request to it is not signed; if it stands in the place of one, \
                 name it in `AWS_ENDPOINT_URL`"
            )));
        }
        if signature.algorithm != ALGORITHM {
            return Err(Error::NotSigned(format!(
                "requests that are signed with `{}` can't be signed again; only `{ALGORITHM}` can",
                signature.algorithm
            )));
        }
        let action = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let action = action.map(|target| target.rsplit('.').next().unwrap_or(target));
        let allowed = self.services.check_signature(signature.service, signature.region, host, action);
        allowed.map_err(Error::NotSigned)?;
        let payload = payload::payload(request, buffers).await?;
        let credentials = self.credentials.credentials().await.map_err(Error::NotSigned)?;
        sign::sign(request, &signature, &payload, &credentials, SystemTime::now()).map_err(Error::NotSigned)
    }
}
