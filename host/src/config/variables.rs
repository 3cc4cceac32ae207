//! Every environment variable the host reads, by name. The README's table is kept to this list by a test.

/// Chooses the handler before anything else does.
pub const HANDLER: &str = "HANDLER";
/// The handler of a zip function; empty in an image function.
pub const LAMBDA_HANDLER: &str = "_HANDLER";
/// The folder with the guests and `guesthouse.toml`.
pub const TASK_ROOT: &str = "LAMBDA_TASK_ROOT";
/// Host and port of the Runtime API.
pub const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// How many invocations the environment serves at a time; absent where it is one.
pub const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";
/// `Text` or `JSON`.
pub const LOG_FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";
/// The lowest level that is logged.
pub const LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";
/// Goes into the context.
pub const FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";
/// Goes into the context.
pub const FUNCTION_VERSION: &str = "AWS_LAMBDA_FUNCTION_VERSION";
/// In MiB. Goes into the context, and the memory of an instance is derived from it.
pub const FUNCTION_MEMORY_SIZE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// Goes into the context.
pub const LOG_GROUP_NAME: &str = "AWS_LAMBDA_LOG_GROUP_NAME";
/// Goes into the context.
pub const LOG_STREAM_NAME: &str = "AWS_LAMBDA_LOG_STREAM_NAME";

/// `direct` or `lambda_runtime`.
pub const EDGE: &str = "GUESTHOUSE_EDGE";
/// As `digest` in the settings.
pub const DIGEST: &str = "GUESTHOUSE_DIGEST";
/// As `refresh` in the settings.
pub const REFRESH: &str = "GUESTHOUSE_REFRESH";
/// As `artifact_limit` in the settings.
pub const ARTIFACT_LIMIT: &str = "GUESTHOUSE_ARTIFACT_LIMIT";
/// minisign's public keys: every artifact from outside the task root must be signed with one of them.
pub const TRUSTED_KEYS: &str = "GUESTHOUSE_TRUSTED_KEYS";
/// As `instances` in the settings.
pub const INSTANCES: &str = "GUESTHOUSE_INSTANCES";
/// As `memory` in the settings.
pub const MEMORY: &str = "GUESTHOUSE_MEMORY";
/// As `margin` in the settings.
pub const MARGIN: &str = "GUESTHOUSE_MARGIN";
/// As `tmp` in the settings.
pub const TMP: &str = "GUESTHOUSE_TMP";
/// As `tmp_limit` in the settings.
pub const TMP_LIMIT: &str = "GUESTHOUSE_TMP_LIMIT";
/// As `args` in the settings: words, or a JSON array of strings.
pub const ARGS: &str = "GUESTHOUSE_ARGS";
/// As `env.pass` in the settings, separated by commas.
pub const ENV_PASS: &str = "GUESTHOUSE_ENV_PASS";

/// All of them, in the README's order.
pub const ALL: &[&str] = &[
    HANDLER,
    LAMBDA_HANDLER,
    TASK_ROOT,
    RUNTIME_API,
    MAX_CONCURRENCY,
    LOG_FORMAT,
    LOG_LEVEL,
    FUNCTION_NAME,
    FUNCTION_VERSION,
    FUNCTION_MEMORY_SIZE,
    LOG_GROUP_NAME,
    LOG_STREAM_NAME,
    EDGE,
    DIGEST,
    REFRESH,
    ARTIFACT_LIMIT,
    TRUSTED_KEYS,
    INSTANCES,
    MEMORY,
    MARGIN,
    TMP,
    TMP_LIMIT,
    ARGS,
    ENV_PASS,
];

/// Of `AWS_*` a guest sees these, and any other only if the settings pass it by its full name: more and more of them are credentials.
/// What the function is, where it runs, and how AWS's SDKs and tools are set.
const HARMLESS_AWS: &[&str] = &[
    "AWS_ACCOUNT_ID",
    "AWS_DEFAULT_OUTPUT",
    "AWS_DEFAULT_REGION",
    "AWS_EMF_ENVIRONMENT",
    "AWS_EMF_LOG_GROUP_NAME",
    "AWS_EMF_LOG_STREAM_NAME",
    "AWS_EMF_NAMESPACE",
    "AWS_EMF_SERVICE_NAME",
    "AWS_EMF_SERVICE_TYPE",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_TIMEOUT",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_MAX_ATTEMPTS",
    "AWS_NODEJS_CONNECTION_REUSE_ENABLED",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_SDK_LOAD_CONFIG",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_TRACING_NAME",
];

/// Others that carry secrets of whoever runs the host: a guest sees one of these only if the settings pass it by its full name. Proxies'
/// addresses may have a password in them.
const SECRETS: &[&str] = &[
    "ALL_PROXY",
    "CARGO_REGISTRY_TOKEN",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CONFIG",
    "FTP_PROXY",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GITLAB_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "KUBECONFIG",
    "NETRC",
    "NODE_AUTH_TOKEN",
    "NPM_TOKEN",
    "PGPASSFILE",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "SSH_AUTH_SOCK",
    "TWINE_PASSWORD",
    "VAULT_TOKEN",
];

/// Whether a guest sees this variable only if the settings pass it by its full name. Case does not matter: `https_proxy` is as good.
pub(super) fn is_withheld(name: &str) -> bool {
    let is_in = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_aws = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("AWS_"));
    if is_aws { !is_in(HARMLESS_AWS) } else { is_in(SECRETS) }
}

/// Addresses of Lambda's own interfaces: a guest never sees them.
pub(super) const NEVER_PASSED: &[&str] = &[RUNTIME_API, "AWS_LAMBDA_METADATA_API"];
