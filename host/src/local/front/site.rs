//! This module describes a front, and what it refuses.

use http::StatusCode;

use super::request::{Arrived, essence};
use crate::invocation::PAYLOAD_LIMIT_BYTES;

/// A kind of front that turns requests into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// A Function URL.
    Url,
    /// API Gateway with the payload format 1.0, as a REST API sends it.
    V1,
    /// API Gateway with the payload format 2.0, as an HTTP API sends it.
    V2,
    /// An Application Load Balancer, without multi-value headers.
    Alb,
    /// An Application Load Balancer, with multi-value headers.
    AlbMultiValue,
    /// VPC Lattice, with the event structure 2.0.
    Lattice,
    /// VPC Lattice, with the event structure 1.0.
    LatticeV1,
}

/// Describes the front that a local Lambda shows its functions.
#[derive(Debug, Clone)]
pub struct Site {
    /// The kind of front.
    pub front: Front,
    /// The stage of API Gateway. `None` is the usual one: `prod` for payload 1.0, `$default` for 2.0.
    pub stage: Option<String>,
    /// The base path that maps a custom domain of API Gateway to the stage, without slashes around it.
    pub base_path: Option<String>,
    /// The media types that a REST API passes on as bytes. All other bodies are text to it.
    pub binary_media_types: Vec<String>,
}

/// A request that the front refuses, so that the function does not see it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status of the response.
    pub status: StatusCode,
    /// The reason.
    pub message: String,
}

impl Site {
    /// Returns a front of this kind with its usual settings.
    pub fn new(front: Front) -> Self {
        Self { front, stage: None, base_path: None, binary_media_types: Vec::new() }
    }

    /// Returns whether a REST API passes bodies of this media type on as bytes. Only `*/*` stands for others.
    pub(super) fn is_binary(&self, media_type: &str) -> bool {
        let named = essence(media_type);
        self.binary_media_types.iter().any(|binary| binary == "*/*" || binary.eq_ignore_ascii_case(&named))
    }
}

impl Front {
    /// Returns the maximum size of a request's body, in bytes. Sources: the AWS pages "Lambda quotas" and "Quotas for
    /// your Application Load Balancers".
    pub fn body_limit(self) -> usize {
        if self.is_alb() { 1024 * 1024 } else { PAYLOAD_LIMIT_BYTES }
    }

    /// Returns whether the front is a load balancer.
    pub(super) fn is_alb(self) -> bool {
        matches!(self, Self::Alb | Self::AlbMultiValue)
    }

    /// Returns whether a front of this kind sends a streamed response on as it comes.
    pub fn streams(self) -> bool {
        matches!(self, Self::Url | Self::V1)
    }

    /// Checks a request's size without its body. Sources: the AWS pages "Quotas for REST APIs", "Quotas for HTTP APIs"
    /// and "Quotas for your Application Load Balancers". Those of the others are not known: theirs is a bound.
    pub(super) fn check(self, arrived: &Arrived<'_>) -> Result<(), Refused> {
        let line = arrived.method.as_str().len() + arrived.path.len() + arrived.query.map_or(0, str::len);
        let sizes = || arrived.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let (largest, all) = (sizes().max().unwrap_or_default(), sizes().sum::<usize>());
        let refuse = |status, what: &str, limit: usize| {
            Err(Refused { status, message: format!("the request's {what} more than {limit} bytes") })
        };
        const KIB: usize = 1024;
        match self {
            Self::V1 | Self::V2 if line + all > 10_240 => {
                refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "line and headers have", 10_240)
            }
            Self::Alb | Self::AlbMultiValue if line > 16 * KIB => {
                refuse(StatusCode::URI_TOO_LONG, "line has", 16 * KIB)
            }
            Self::Alb | Self::AlbMultiValue if largest > 16 * KIB => {
                refuse(StatusCode::BAD_REQUEST, "largest header has", 16 * KIB)
            }
            _ if line + all > 64 * KIB => {
                refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "line and headers have", 64 * KIB)
            }
            _ => Ok(()),
        }
    }
}
