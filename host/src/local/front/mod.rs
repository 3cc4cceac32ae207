//! This module shows a function the same request as each of AWS's fronts would: a Function URL, API Gateway with either
//! payload, an Application Load Balancer, VPC Lattice. It turns requests into their events, and the function's response
//! into the one that a front's client gets.
//!
//! These are pure functions. What they do was recorded from AWS, or is in its documentation; docs/urls.md lists what
//! differs from front to front.

mod alb;
mod api_gateway_v1;
mod api_gateway_v2;
#[cfg(test)]
mod event_tests;
mod lattice;
#[cfg(test)]
mod mirror_tests;
mod request;
mod response;
#[cfg(test)]
mod response_tests;
mod site;

use serde_json::Value;

pub use self::{
    request::Arrived,
    response::{Malformed, Prelude, buffered, has_body, is_prelude_type, prelude, raw_stream},
    site::{Front, Refused, Site},
};

impl Site {
    /// Returns the event that the front makes of a request.
    ///
    /// # Errors
    /// If the front refuses the request.
    pub fn event(&self, arrived: &Arrived<'_>) -> Result<Value, Refused> {
        self.front.check(arrived)?;
        match self.front {
            Front::Url => Ok(api_gateway_v2::url_event(arrived)),
            Front::V2 => Ok(api_gateway_v2::http_api_event(self, arrived)),
            Front::V1 => api_gateway_v1::event(self, arrived),
            Front::Alb => Ok(alb::event(arrived)),
            Front::AlbMultiValue => Ok(alb::multi_value_event(arrived)),
            Front::Lattice => Ok(lattice::event(arrived)),
            Front::LatticeV1 => Ok(lattice::v1_event(arrived)),
        }
    }
}
