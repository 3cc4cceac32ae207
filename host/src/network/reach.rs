//! This module describes what the settings of a handler grant of the network.

use super::{
    aws::services::AwsService,
    rules::{Rules, Scheme},
};

/// What a guest reaches of the network. The default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The rules for requests and sockets.
    pub rules: Rules,
    /// The AWS services.
    pub services: Vec<AwsService>,
}

impl Reach {
    /// Returns whether some request is granted.
    pub fn has_requests(&self) -> bool {
        !self.services.is_empty() || self.rules.are_for(Scheme::Https) || self.rules.are_for(Scheme::Http)
    }

    /// Returns whether some socket is granted.
    pub fn has_sockets(&self) -> bool {
        self.rules.are_for(Scheme::Tcp)
    }

    /// Returns all that is granted: rules, and services as `aws:NAME`.
    pub fn names(&self) -> Vec<String> {
        let services = self.services.iter().map(|service| format!("aws:{service}"));
        self.rules.texts().chain(services).collect()
    }
}
