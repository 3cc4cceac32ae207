//! This module names every environment variable that the host reads. A test checks that `docs/configuration.md`
//! describes each of them.

/// Chooses the handler. It wins over all other ways to choose one.
pub const HANDLER: &str = "HANDLER";
/// The handler of a zip function. Lambda leaves it empty in an image function.
pub const LAMBDA_HANDLER: &str = "_HANDLER";
/// The directory with the guests and `guesthouse.toml`.
pub const TASK_ROOT: &str = "LAMBDA_TASK_ROOT";
/// The host and port of the Runtime API.
pub const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// The number of invocations that the environment serves at a time. Lambda does not set it if the number is one.
pub const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";
/// The format of log lines: `Text` or `JSON`.
pub const LOG_FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";
/// The lowest level that is logged.
pub const LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";
/// The function's name, for the context.
pub const FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";
/// The function's version, for the context.
pub const FUNCTION_VERSION: &str = "AWS_LAMBDA_FUNCTION_VERSION";
/// The function's memory, in MiB, for the context. The memory of an instance is derived from it.
pub const FUNCTION_MEMORY_SIZE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// The function's CloudWatch log group, for the context.
pub const LOG_GROUP_NAME: &str = "AWS_LAMBDA_LOG_GROUP_NAME";
/// The environment's CloudWatch log stream, for the context.
pub const LOG_STREAM_NAME: &str = "AWS_LAMBDA_LOG_STREAM_NAME";

/// The code that talks to the Runtime API: `direct` or `lambda_runtime`.
pub const RUNTIME_CLIENT: &str = "GUESTHOUSE_RUNTIME_CLIENT";
/// Overrides the setting `digest`.
pub const DIGEST: &str = "GUESTHOUSE_DIGEST";
/// Overrides the setting `refresh`.
pub const REFRESH: &str = "GUESTHOUSE_REFRESH";
/// Overrides the setting `artifact_limit`.
pub const ARTIFACT_LIMIT: &str = "GUESTHOUSE_ARTIFACT_LIMIT";
/// The minisign public keys to trust. Every artifact from outside the task root must be signed with one of them.
pub const TRUSTED_KEYS: &str = "GUESTHOUSE_TRUSTED_KEYS";
/// Overrides the setting `instances`.
pub const INSTANCES: &str = "GUESTHOUSE_INSTANCES";
/// Overrides the setting `memory`.
pub const MEMORY: &str = "GUESTHOUSE_MEMORY";
/// Overrides the setting `margin`.
pub const MARGIN: &str = "GUESTHOUSE_MARGIN";
/// Overrides the setting `tmp`.
pub const TMP: &str = "GUESTHOUSE_TMP";
/// Overrides the setting `tmp_limit`.
pub const TMP_LIMIT: &str = "GUESTHOUSE_TMP_LIMIT";
/// Overrides the setting `http.respond`.
pub const HTTP_RESPOND: &str = "GUESTHOUSE_HTTP_RESPOND";
/// Overrides the setting `http.base_path`.
pub const HTTP_BASE_PATH: &str = "GUESTHOUSE_HTTP_BASE_PATH";
/// Overrides the setting `args`: words, or a JSON array of strings.
pub const ARGS: &str = "GUESTHOUSE_ARGS";
/// Overrides the setting `env.pass`: names, separated by commas.
pub const ENV_PASS: &str = "GUESTHOUSE_ENV_PASS";
/// Overrides the setting `network.allow`: rules, separated by commas.
pub const NETWORK_ALLOW: &str = "GUESTHOUSE_NETWORK_ALLOW";
/// Overrides the setting `aws`: services, separated by commas.
pub const AWS_ALLOW: &str = "GUESTHOUSE_AWS_ALLOW";

/// All variables above.
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
    RUNTIME_CLIENT,
    DIGEST,
    REFRESH,
    ARTIFACT_LIMIT,
    TRUSTED_KEYS,
    INSTANCES,
    MEMORY,
    MARGIN,
    TMP,
    TMP_LIMIT,
    HTTP_RESPOND,
    HTTP_BASE_PATH,
    ARGS,
    ENV_PASS,
    NETWORK_ALLOW,
    AWS_ALLOW,
];

/// The variables `AWS_*` that a guest sees by default: they describe the function and where it runs, and configure
/// AWS's SDKs and tools. A guest sees any other variable `AWS_*` only if the settings pass it by its full name, because
/// more and more of them are credentials.
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

/// Other variables that may contain secrets of whoever runs the host. A guest sees one of them only if the settings
/// pass it by its full name. The address of a proxy may contain a password.
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

/// Returns whether a guest sees this variable only if the settings pass it by its full name. Case does not matter,
/// because programs also read `https_proxy`.
pub(super) fn is_withheld(name: &str) -> bool {
    let is_in = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_aws = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("AWS_"));
    if is_aws { !is_in(HARMLESS_AWS) } else { is_in(SECRETS) }
}

/// The variables with the addresses of Lambda's own interfaces. A guest never sees them.
pub(super) const NEVER_PASSED: &[&str] = &[RUNTIME_API, "AWS_LAMBDA_METADATA_API"];
