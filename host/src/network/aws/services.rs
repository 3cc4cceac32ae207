//! This module decides which hosts belong to the AWS services that a guest may call.
//!
//! A host of AWS is read from the right, because its owner chooses what is at the left: the name of a bucket may look
//! like a service. Sources: the AWS pages "AWS service endpoints", "Dual-stack and FIPS endpoints", "Virtual hosting of
//! buckets" and "Access AWS services through AWS PrivateLink", and the partitions of AWS's SDKs.

use std::{fmt, str::FromStr};

use crate::network::{
    host::Host,
    rules::{Grant, Rules, Scheme},
};

/// The AWS services that a guest may call. The default is none.
#[derive(Debug, Clone, Default)]
pub struct AwsServices {
    granted: Vec<AwsService>,
    endpoints: Vec<Endpoint>,
}

/// One entry of the setting `aws`, such as `dynamodb` or `sqs:eu-central-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsService {
    /// The name of the service, in lower case.
    name: String,
    /// The only region, if there is one.
    region: Option<String>,
    /// The only operations, if there are any.
    actions: Option<Vec<String>>,
}

/// A server that the environment variables name in the place of AWS's own.
#[derive(Debug, Clone)]
struct Endpoint {
    /// The service that it serves. `None` if it serves all.
    service: Option<String>,
    rules: Rules,
}

/// What a host is to AWS: the end of its name, and what stands before it.
#[derive(Debug, PartialEq, Eq)]
struct AwsHost<'a> {
    /// The label of the service, such as `s3` or `dynamodb-fips`.
    service: &'a str,
    region: Option<&'a str>,
}

/// The port of AWS's own hosts.
const HTTPS_PORT: u16 = 443;

/// The ends of the names of hosts that belong to AWS.
const SUFFIXES: &[&str] = &[
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".on.aws",
    ".api.amazonwebservices.com.cn",
    ".on.amazonwebservices.com.cn",
    ".api.amazonwebservices.eu",
    ".c2s.ic.gov",
    ".api.aws.ic.gov",
    ".sc2s.sgov.gov",
    ".api.aws.scloud",
    ".cloud.adc-e.uk",
    ".api.cloud-aws.adc-e.uk",
    ".csp.hci.ic.gov",
    ".api.aws.hci.ic.gov",
];

/// Labels of hosts whose service has another name in AWS's tools.
const OTHER_NAMES: &[(&str, &[&str])] = &[
    ("bedrock-agent-runtime", &["bedrock"]),
    ("bedrock-runtime", &["bedrock"]),
    ("control-kinesis", &["kinesis"]),
    ("data-kinesis", &["kinesis"]),
    ("ddb", &["dynamodb"]),
    ("email", &["ses", "sesv2"]),
    ("events", &["eventbridge"]),
    ("lambda-url", &["lambda"]),
    ("logs", &["cloudwatchlogs"]),
    ("monitoring", &["cloudwatch"]),
    ("queue", &["sqs"]),
    ("states", &["sfn", "stepfunctions"]),
];

impl AwsServices {
    /// Returns the services of these entries. `variables` are environment variables, of which those named
    /// `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_SERVICE` name servers in the place of AWS's own.
    pub fn new<'a>(granted: Vec<AwsService>, variables: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let endpoints = variables.filter_map(|(name, value)| Endpoint::from_variable(name, value));
        let endpoints = if granted.is_empty() { Vec::new() } else { endpoints.collect() };
        Self { granted, endpoints }
    }

    /// Returns what is granted of a request to this host and port because a service has its endpoint there.
    pub fn check(&self, scheme: Scheme, host: &Host, port: u16) -> Option<Grant> {
        let granted_endpoints = self.endpoints.iter().filter(|endpoint| match &endpoint.service {
            Some(service) => self.granted.iter().any(|granted| simplified(&granted.name) == *service),
            None => true,
        });
        let mut of_endpoints = granted_endpoints.filter_map(|endpoint| endpoint.rules.check(scheme, host, port).ok());
        if let Some(grant) = of_endpoints.next() {
            return Some(grant);
        }
        let aws_host = AwsHost::parse(host)?;
        let is_granted = scheme == Scheme::Https && port == HTTPS_PORT;
        let is_granted = is_granted && self.granted.iter().any(|granted| granted.is_at(&aws_host));
        is_granted.then(|| Grant::of_known_host(host.clone(), port))
    }

    /// Checks that a request may be signed for this service and region, with the operation that its header names.
    ///
    /// # Errors
    /// Returns why not.
    pub fn check_signature(
        &self,
        service: &str,
        region: &str,
        host: &Host,
        action: Option<&str>,
    ) -> Result<(), String> {
        let aws_host = AwsHost::parse(host);
        // The label of the host tells more than the signature: several services sign with one name.
        let granted = |granted: &&AwsService| match &aws_host {
            Some(host) => granted.is_at(host),
            None => granted.has_name(service) && granted.region.as_deref().is_none_or(|own| own == region),
        };
        let granted: Vec<&AwsService> = self.granted.iter().filter(granted).collect();
        if granted.is_empty() {
            return Err(format!("`aws` does not grant the service `{service}` in the region `{region}`"));
        }
        let allows = |granted: &&AwsService| match (&granted.actions, action) {
            (None, _) => true,
            (Some(actions), Some(action)) => actions.iter().any(|own| own == action),
            (Some(_), None) => false,
        };
        match (granted.iter().any(allows), action) {
            (true, _) => Ok(()),
            (false, Some(action)) => Err(format!("`aws` does not grant the operation `{action}` of `{service}`")),
            (false, None) => Err(format!(
                "`aws` grants only some operations of `{service}`, and this request does not name its operation in a \
                 header"
            )),
        }
    }

    /// Returns whether a host belongs to AWS, or is one that the environment variables name in its place. Only requests
    /// to these are signed.
    pub fn is_aws(&self, scheme: Scheme, host: &Host, port: u16) -> bool {
        let is_own = scheme == Scheme::Https && AwsHost::parse(host).is_some();
        is_own || self.endpoints.iter().any(|endpoint| endpoint.rules.check(scheme, host, port).is_ok())
    }
}

impl AwsService {
    /// Returns the same service with only these operations.
    pub fn with_actions(self, actions: Vec<String>) -> Self {
        Self { actions: Some(actions), ..self }
    }

    fn is_at(&self, host: &AwsHost<'_>) -> bool {
        self.has_name(host.service) && (self.region.is_none() || self.region.as_deref() == host.region)
    }

    /// Returns whether this is the service of an endpoint's label, or of a signature.
    fn has_name(&self, label: &str) -> bool {
        let label = label.strip_suffix("-fips").unwrap_or(label);
        let other = OTHER_NAMES.iter().find(|(known, _)| *known == label).map_or(&[][..], |(_, names)| names);
        // S3 has hosts such as `s3-accesspoint`, `s3-us-west-2` and `s3express-usw2-az1`.
        let is_s3 = self.name == "s3" && (label.starts_with("s3-") || label.starts_with("s3express"));
        let own = simplified(&self.name);
        own == simplified(label) || other.contains(&own.as_str()) || is_s3
    }
}

/// Reads `SERVICE` or `SERVICE:REGION`.
impl FromStr for AwsService {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "expected the name of a service such as `dynamodb`, or with a region such as `sqs:eu-central-1`";
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let (name, region) = text.split_once(':').map_or((text, None), |(name, region)| (name, Some(region)));
        if !is_word(name) || !region.is_none_or(is_region) {
            return Err(FORM.to_owned());
        }
        Ok(Self { name: name.to_owned(), region: region.map(str::to_owned), actions: None })
    }
}

/// Writes the entry without its operations.
impl fmt::Display for AwsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.region.iter().try_for_each(|region| write!(f, ":{region}"))
    }
}

impl Endpoint {
    fn from_variable(name: &str, value: &str) -> Option<Self> {
        let service = match name.strip_prefix("AWS_ENDPOINT_URL")? {
            "" => None,
            service => Some(simplified(service.strip_prefix('_')?)),
        };
        let (scheme, rest) = value.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let rules = Rules::parse([format!("{scheme}://{authority}").as_str()]).ok()?;
        Some(Self { service, rules })
    }
}

impl<'a> AwsHost<'a> {
    /// Reads a host. Returns `None` if it is not one of AWS's.
    fn parse(host: &'a Host) -> Option<Self> {
        let Host::Name(name) = host else { return None };
        let before = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix))?;
        let mut labels: Vec<&str> = before.split('.').collect();
        // `vpce-1a2b-3c4d.sqs.eu-central-1.vpce.amazonaws.com`
        if labels.last() == Some(&"vpce") {
            labels.pop();
        }
        let region = labels.pop_if(|label| is_region(label));
        // `bucket.s3.dualstack.eu-central-1.amazonaws.com`
        labels.pop_if(|label| *label == "dualstack");
        let service = labels.pop()?;
        // `eu-central-1.queue.amazonaws.com`
        let region = region.or_else(|| labels.last().copied().filter(|label| service == "queue" && is_region(label)));
        Some(Self { service, region })
    }
}

/// Returns whether a label is a region, such as `eu-central-1` or `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let Some(((last, first), middle)) =
        parts.split_last().and_then(|(last, rest)| rest.split_first().map(|(first, middle)| ((*last, *first), middle)))
    else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_number && is_word(first) && first.len() <= 4 && !middle.is_empty() && middle.iter().all(|word| is_word(word))
}

/// Returns a service's name without what is written in different ways, as in `SECRETS_MANAGER` and `secretsmanager`.
fn simplified(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::host::parse_authority;

    fn services(granted: &[&str], variables: &[(&str, &str)]) -> AwsServices {
        let granted = granted.iter().map(|text| text.parse().unwrap()).collect();
        AwsServices::new(granted, variables.iter().copied())
    }

    fn reaches(services: &AwsServices, url: &str) -> bool {
        let (scheme, authority) = url.split_once("://").unwrap();
        let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
        let (host, port) = parse_authority(authority, scheme.default_port()).unwrap();
        services.check(scheme, &host, port).is_some()
    }

    #[test]
    fn a_service_is_reached_at_each_of_its_hosts() {
        for (service, hosts) in [
            (
                "dynamodb",
                &[
                    "dynamodb.eu-central-1.amazonaws.com",
                    "dynamodb-fips.us-east-1.amazonaws.com",
                    "dynamodb.us-gov-west-1.amazonaws.com",
                    "dynamodb.cn-north-1.amazonaws.com.cn",
                    "dynamodb.eu-central-1.api.aws",
                    "123456789012.ddb.eu-central-1.amazonaws.com",
                    "streams.dynamodb.eu-central-1.amazonaws.com",
                    "vpce-1a2b3c4d-5e6f.dynamodb.us-east-1.vpce.amazonaws.com",
                ][..],
            ),
            (
                "s3",
                &[
                    "s3.amazonaws.com",
                    "s3.eu-central-1.amazonaws.com",
                    "s3-us-west-2.amazonaws.com",
                    "s3.dualstack.eu-central-1.amazonaws.com",
                    "s3-fips.dualstack.us-east-1.amazonaws.com",
                    "bucket.s3.amazonaws.com",
                    "bucket.with.dots.s3.eu-central-1.amazonaws.com",
                    "bucket.s3.dualstack.eu-central-1.amazonaws.com",
                    "bucket.s3-accelerate.amazonaws.com",
                    "bucket.s3-accelerate.dualstack.amazonaws.com",
                    "point-123456789012.s3-accesspoint.eu-central-1.amazonaws.com",
                    "bucket--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com",
                    "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
                ],
            ),
            (
                "sqs",
                &[
                    "sqs.eu-central-1.amazonaws.com",
                    "sqs-fips.us-east-1.amazonaws.com",
                    "eu-central-1.queue.amazonaws.com",
                    "queue.amazonaws.com",
                    "sqs.eu-central-1.api.aws",
                ],
            ),
            ("sts", &["sts.amazonaws.com", "sts.eu-central-1.amazonaws.com"]),
            ("lambda", &["lambda.eu-central-1.amazonaws.com", "abc123.lambda-url.eu-central-1.on.aws"]),
            ("bedrock", &["bedrock-runtime.us-east-1.amazonaws.com", "bedrock.us-east-1.amazonaws.com"]),
            ("ses", &["email.us-east-1.amazonaws.com"]),
            ("secretsmanager", &["secretsmanager.eu-central-1.amazonaws.com"]),
            ("execute-api", &["abc123.execute-api.eu-central-1.amazonaws.com"]),
        ] {
            for host in hosts {
                assert!(reaches(&services(&[service], &[]), &format!("https://{host}")), "{service}: {host}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_granted_service_is_not_reached() {
        let dynamodb = services(&["dynamodb"], &[]);
        for url in [
            "https://sqs.eu-central-1.amazonaws.com",
            "https://dynamodb.s3.eu-central-1.amazonaws.com",
            "https://dynamodb.eu-central-1.s3.amazonaws.com",
            "https://dynamodb.us-east-1.amazonaws.com.s3.amazonaws.com",
            "https://dynamodb.eu-central-1.amazonaws.com.evil.com",
            "https://dynamodb.eu-central-1.evilamazonaws.com",
            "https://dynamodb.evil.com",
            "https://amazonaws.com",
            "https://eu-central-1.amazonaws.com",
            "http://dynamodb.eu-central-1.amazonaws.com",
            "https://dynamodb.eu-central-1.amazonaws.com:8443",
            "https://52.94.5.1",
        ] {
            assert!(!reaches(&dynamodb, url), "{url}");
        }
        assert!(!reaches(&services(&[], &[("AWS_ENDPOINT_URL", "http://localhost:4566")]), "http://localhost:4566"));
    }

    #[test]
    fn a_region_restricts_a_service_to_the_hosts_that_name_it() {
        let here = services(&["sqs:eu-central-1"], &[]);
        assert!(reaches(&here, "https://sqs.eu-central-1.amazonaws.com"));
        assert!(reaches(&here, "https://eu-central-1.queue.amazonaws.com"));
        assert!(!reaches(&here, "https://sqs.us-east-1.amazonaws.com"));
        assert!(!reaches(&here, "https://queue.amazonaws.com"));
    }

    #[test]
    fn endpoints_from_variables_take_the_place_of_awss_own() {
        let variables = [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://localhost:1111"),
            ("AWS_ENDPOINT_URL_SQS", "https://sqs.internal/path"),
            ("AWS_ENDPOINT_URL", "http://10.0.0.5:4566"),
            ("AWS_ENDPOINT_URLS", "http://other.internal"),
        ];
        let two = services(&["secretsmanager", "s3"], &variables);
        assert!(reaches(&two, "http://localhost:1111") && reaches(&two, "http://10.0.0.5:4566"));
        assert!(!reaches(&two, "https://sqs.internal") && !reaches(&two, "http://other.internal"));
        assert!(reaches(&services(&["sqs"], &variables), "https://sqs.internal"));
    }

    #[test]
    fn only_granted_services_and_operations_are_signed() {
        let some: AwsService = "dynamodb".parse().unwrap();
        let some = some.with_actions(vec!["GetItem".to_owned()]);
        let granted = AwsServices::new(vec![some, "sqs:eu-central-1".parse().unwrap()], std::iter::empty());
        let host = |name: &str| Host::parse(name).unwrap();
        let dynamodb = host("dynamodb.eu-central-1.amazonaws.com");
        let check = |service, region, host: &Host, action| granted.check_signature(service, region, host, action);
        assert!(check("dynamodb", "eu-central-1", &dynamodb, Some("GetItem")).is_ok());
        assert!(check("dynamodb", "eu-central-1", &dynamodb, Some("PutItem")).unwrap_err().contains("`PutItem`"));
        assert!(check("dynamodb", "eu-central-1", &dynamodb, None).unwrap_err().contains("in a header"));
        assert!(check("s3", "eu-central-1", &host("s3.eu-central-1.amazonaws.com"), None).is_err());
        // Only the signature tells which service a server in AWS's place has to be.
        assert!(check("sqs", "eu-central-1", &host("localhost"), None).is_ok());
        assert!(check("sqs", "us-east-1", &host("localhost"), None).is_err());
        assert!(check("s3", "eu-central-1", &host("localhost"), None).is_err());
    }

    #[test]
    fn an_entry_is_a_service_or_a_service_with_a_region() {
        for text in ["dynamodb", "sqs:eu-central-1", "cognito-idp", "s3:us-gov-east-1"] {
            assert!(text.parse::<AwsService>().is_ok(), "{text}");
        }
        for text in ["", "*", "DynamoDB", "sqs:", "sqs:*", "sqs:central", "sqs:eu-central-1:x", "arn:aws:sqs"] {
            assert!(text.parse::<AwsService>().is_err(), "{text}");
        }
    }
}
