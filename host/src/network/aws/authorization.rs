//! This module reads the signature of a request that a guest's SDK signed.
//!
//! Source: the AWS page "AWS Signature Version 4 for API requests", section "Authorization header".

/// What an `Authorization` header says about a signature of AWS's.
#[derive(Debug, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// The algorithm, such as `AWS4-HMAC-SHA256`.
    pub algorithm: &'a str,
    /// The id of the access key.
    pub key_id: &'a str,
    /// The region, as the SDK chose it. Empty with the algorithm for several regions.
    pub region: &'a str,
    /// The name with which the service signs.
    pub service: &'a str,
    /// The names of the headers that were signed, in lower case.
    pub signed_headers: Vec<&'a str>,
}

impl<'a> Authorization<'a> {
    /// Reads the header's value. Returns `None` if it is no signature of AWS's.
    pub fn parse(value: &'a str) -> Option<Self> {
        let (algorithm, rest) = value.trim().split_once(' ')?;
        if !algorithm.starts_with("AWS4-") {
            return None;
        }
        let parts = || rest.split(',').filter_map(|part| part.trim().split_once('='));
        let find = |name: &str| parts().find(|(own, _)| *own == name).map(|(_, value)| value);
        let scope: Vec<&str> = find("Credential")?.split('/').collect();
        // The scope for several regions has no region: KEY/DATE/SERVICE/aws4_request.
        let (key_id, region, service) = match scope.as_slice() {
            [key_id, _, region, service, "aws4_request"] => (key_id, region, service),
            [key_id, _, service, "aws4_request"] => (key_id, &"", service),
            _ => return None,
        };
        let signed_headers = find("SignedHeaders").unwrap_or_default().split(';').collect();
        Some(Self { algorithm, key_id, region, service, signed_headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_names_its_key_its_scope_and_its_headers() {
        let value = "AWS4-HMAC-SHA256 Credential=AKID/20261127/eu-central-1/dynamodb/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature=0123";
        let parsed = Authorization::parse(value).unwrap();
        assert_eq!((parsed.key_id, parsed.region, parsed.service), ("AKID", "eu-central-1", "dynamodb"));
        assert_eq!(parsed.signed_headers, ["host", "x-amz-date"]);
        let several = "AWS4-ECDSA-P256-SHA256 Credential=AKID/20261127/s3/aws4_request,SignedHeaders=host,Signature=0";
        let parsed = Authorization::parse(several).unwrap();
        assert_eq!((parsed.algorithm, parsed.service), ("AWS4-ECDSA-P256-SHA256", "s3"));
    }

    #[test]
    fn what_is_no_signature_of_aws_is_none() {
        for value in [
            "",
            "Bearer AWS4-HMAC-SHA256",
            "Basic Zm9vOmJhcg==",
            "AWS AKID:signature",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=AKID",
            "AWS4-HMAC-SHA256 Credential=AKID/20261127/r/s/aws3_request, SignedHeaders=host, Signature=0",
            "AWS4-HMAC-SHA256 SignedHeaders=host",
        ] {
            assert_eq!(Authorization::parse(value), None, "{value}");
        }
    }
}
