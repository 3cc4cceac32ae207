use std::time::Duration;

use super::*;
use crate::capabilities::Instances;

/// Reads the configuration for a task root with these settings and a guest `hello`.
fn read(settings: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Config, Failure> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("hello.wasm"), "").unwrap();
    std::fs::write(directory.path().join(FILE), settings).unwrap();
    let root = directory.path().to_str().unwrap();
    let fixed = [(var::TASK_ROOT, root), (var::RUNTIME_API, "127.0.0.1:1")];
    let environment = fixed.into_iter().chain(variables.iter().copied()).collect();
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    Config::read(&environment, &arguments)
}

fn problems(settings: &str, variables: &[(&str, &str)]) -> String {
    let failure = read(settings, variables, &[]).unwrap_err();
    assert_eq!(failure.error_type, ErrorType::Config);
    failure.message
}

fn seen(config: &Config, name: &str) -> Option<String> {
    config.capabilities.grants.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

#[test]
fn the_handler_is_the_variable_then_the_argument_then_lambdas_variable_then_the_only_guest() {
    let all = [("HANDLER", "a"), ("_HANDLER", "c")];
    assert_eq!(read("", &all, &["b"]).unwrap().handler, "a");
    assert_eq!(read("", &all[1..], &["b"]).unwrap().handler, "b");
    assert_eq!(read("", &all[1..], &[]).unwrap().handler, "c");
    assert_eq!(read("", &[("HANDLER", ""), ("_HANDLER", "")], &[""]).unwrap().handler, "hello");
}

#[test]
fn without_a_name_and_without_exactly_one_guest_the_choice_is_the_users() {
    let directory = tempfile::tempdir().unwrap();
    let environment = [(var::TASK_ROOT, directory.path().to_str().unwrap())].into_iter().collect();
    let failure = Config::read(&environment, &[]).unwrap_err();
    assert!(failure.text().contains("holds no guests\nhint: set `HANDLER`"), "{failure}");
    assert_eq!(failure.error_type, ErrorType::GuestNotFound);
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let file = "[handlers.hello]\nmargin = \"200ms\"\nmemory = \"64MiB\"\ninstances = \"fresh\"";
    let config = read(file, &[("GUESTHOUSE_MARGIN", "300ms")], &[]).unwrap();
    assert_eq!(config.capabilities.policy.margin, Duration::from_millis(300));
    assert_eq!(config.capabilities.limits.memory_bytes, Some(64 * 1024 * 1024));
    assert_eq!(config.capabilities.policy.instances, Some(Instances::Fresh));
    let default = read("", &[], &[]).unwrap().capabilities;
    assert_eq!((default.policy.margin, default.policy.instances), (Duration::from_millis(100), None));
}

#[test]
fn all_problems_are_reported_at_once() {
    let file = "[handlers.hello]\nmemroy = \"1MiB\"\ntmp = \"writable\"\nmargin = 3\n[other]\n[handlers.hello.network]\nallow = [\"x\"]";
    let variables =
        [("GUESTHOUSE_RUNTIME_CLIENT", "nginx"), ("GUESTHOUSE_MARGINS", "1s"), ("AWS_LAMBDA_MAX_CONCURRENCY", "0")];
    let message = problems(file, &variables);
    for part in [
        "`handlers.hello.memroy`: unknown key; did you mean `memory`?",
        "`handlers.hello.tmp` is `writable`: expected `read-write`, `read-only` or `none`",
        "`handlers.hello.margin`: expected a string, found integer",
        "`handlers.hello.network` has `x`: expected `https://HOST`",
        "`other`: unknown key",
        "`GUESTHOUSE_RUNTIME_CLIENT` is `nginx`",
        "`GUESTHOUSE_MARGINS`: unknown variable; did you mean `GUESTHOUSE_MARGIN`?",
        "`AWS_LAMBDA_MAX_CONCURRENCY` is `0`",
    ] {
        assert!(message.contains(part), "{part}\nis not in\n{message}");
    }
}

#[test]
fn values_beyond_all_measure_are_refused_and_the_largest_are_taken() {
    let of = |key: &str, value: &str| read(&format!("[handlers.hello]\n{key} = \"{value}\""), &[], &[]);
    for (key, largest, beyond) in [
        ("memory", "10GiB", "99999999999EiB"),
        ("memory", "10240MiB", "10241MiB"),
        ("artifact_limit", "10GiB", "11GiB"),
        ("margin", "15m", "15m 1s"),
        ("margin", "900s", "100000000000years"),
        ("refresh", "366days", "500000000000years"),
    ] {
        assert!(of(key, largest).is_ok(), "{key} = {largest}");
        let refused = of(key, beyond).unwrap_err();
        assert!(refused.message.contains(&format!("`handlers.hello.{key}` is `{beyond}`: expected ")), "{refused}");
    }
}

#[test]
fn names_of_variables_that_no_process_can_have_are_refused() {
    for (set, part) in [
        (r#"{ "A=B" = "x" }"#, "`handlers.hello.env.set` has `A=B`"),
        (r#"{ "" = "x" }"#, "`handlers.hello.env.set` has ``"),
        (r#"{ "A\u0000" = "x" }"#, "and no zero byte"),
        (r#"{ A = "x\u0000" }"#, "`handlers.hello.env.set.A`: a variable has no zero bytes"),
    ] {
        let message = problems(&format!("[handlers.hello.env]\nset = {set}"), &[]);
        assert!(message.contains(part), "{part} is not in {message}");
    }
}

#[test]
fn metrics_are_granted_by_their_namespaces() {
    let config = read("[handlers.hello]\nmetrics = [\"Orders\"]", &[], &[]).unwrap();
    assert_eq!(*config.capabilities.grants.metrics, ["Orders".to_owned()]);
    assert!(read("", &[], &[]).unwrap().capabilities.grants.metrics.is_empty());
    let message = problems("[handlers.hello]\nmetrics = \"Orders\"", &[]);
    assert!(message.contains("`handlers.hello.metrics`: expected an array of strings"), "{message}");
}

#[test]
fn a_file_that_is_not_toml_is_refused() {
    assert!(problems("[handlers", &[]).contains("is not TOML"));
}

#[test]
fn a_guest_sees_all_variables_but_credentials_and_lambdas_own_interfaces() {
    let variables = [
        ("STAGE", "prod"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "secret"),
        ("AWS_LAMBDA_METADATA_TOKEN", "secret"),
        ("AWS_BEARER_TOKEN_BEDROCK", "secret"),
        ("AWS_OF_NEXT_YEAR", "secret"),
        ("aws_session_token", "secret"),
        ("HTTPS_PROXY", "secret"),
        ("http_proxy", "secret"),
        ("NPM_TOKEN", "secret"),
    ];
    let config = read("", &variables, &[]).unwrap();
    assert_eq!(seen(&config, "STAGE").as_deref(), Some("prod"));
    assert_eq!(seen(&config, "AWS_REGION").as_deref(), Some("eu-central-1"));
    assert!(config.capabilities.grants.env.iter().all(|(_, value)| value != "secret"));
    assert_eq!(seen(&config, var::RUNTIME_API), None);
}

#[test]
#[cfg(feature = "network")]
fn a_guest_that_calls_aws_has_the_region_under_both_of_its_names() {
    let grant = "[handlers.hello]\naws = [\"s3\"]";
    for (name, other) in [("AWS_REGION", "AWS_DEFAULT_REGION"), ("AWS_DEFAULT_REGION", "AWS_REGION")] {
        let (one, both) = ([(name, "eu-west-1")], [(name, "eu-west-1"), (other, "eu-west-2")]);
        let of = |settings, variables| seen(&read(settings, variables, &[]).unwrap(), other);
        assert_eq!(of(grant, &one).as_deref(), Some("eu-west-1"));
        assert_eq!(of(grant, &both).as_deref(), Some("eu-west-2"));
        assert_eq!(of("", &one), None);
    }
}

#[test]
fn passing_names_passes_only_those_and_credentials_only_by_their_full_name() {
    let variables = [
        ("TABLE_A", "a"),
        ("STAGE", "prod"),
        ("AWS_SESSION_TOKEN", "t"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("HTTP_PROXY", "p"),
        ("HTTPS_PROXY", "p"),
    ];
    let file = "[handlers.hello.env]\npass = [\"TABLE_*\", \"AWS_*\", \"AWS_SESSION_TOKEN\", \"HTTP*\", \"HTTPS_PROXY\"]\n\
                set = { GREETING = \"hi\" }";
    let config = read(file, &variables, &[]).unwrap();
    assert_eq!(seen(&config, "TABLE_A").as_deref(), Some("a"));
    assert_eq!(seen(&config, "GREETING").as_deref(), Some("hi"));
    assert_eq!(seen(&config, "AWS_SESSION_TOKEN").as_deref(), Some("t"));
    assert_eq!(seen(&config, "HTTPS_PROXY").as_deref(), Some("p"));
    for hidden in ["STAGE", "AWS_SECRET_ACCESS_KEY", "HTTP_PROXY", var::RUNTIME_API] {
        assert_eq!(seen(&config, hidden), None, "{hidden}");
    }
}

#[test]
fn the_memory_of_an_instance_is_the_functions_less_the_hosts_share_divided_by_the_concurrency() {
    let mib = |function: u64, concurrency: usize| {
        let concurrency = NonZeroUsize::new(concurrency).unwrap();
        let of = |share: fn(u64, NonZeroUsize) -> u64| share(function * MIB, concurrency) / MIB;
        (of(instance_memory), of(guests_memory))
    };
    assert_eq!(mib(128, 1), (68, 68));
    assert_eq!(mib(512, 1), (452, 452));
    assert_eq!(mib(512, 8), (35, 284));
    assert_eq!(mib(10_240, 1), (10_180, 10_180));
    assert_eq!(mib(10_240, 64), (135, 8_668));
    assert_eq!(mib(128, 64), (16, 16));
    let unknown = read("", &[], &[]).unwrap().capabilities.limits;
    assert_eq!((unknown.memory_bytes, unknown.total_memory_bytes, unknown.function_memory_bytes), (None, None, None));
}

/// The setting is for one instance. All instances together never get more than the function leaves them.
#[test]
fn memory_in_the_settings_does_not_raise_what_all_instances_may_take() {
    let variables = [("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"), ("GUESTHOUSE_MEMORY", "1GiB")];
    let capabilities = read("", &variables, &[]).unwrap().capabilities;
    assert_eq!(
        (capabilities.limits.memory_bytes, capabilities.limits.total_memory_bytes),
        (Some(1024 * MIB), Some(68 * MIB))
    );
}

#[test]
fn refreshes_are_for_guests_outside_the_task_root_without_a_pinned_digest() {
    let refresh = |variables: &[(&str, &str)]| read("", variables, &[]).unwrap().policy.refresh;
    let file = ("HANDLER", "file:///mnt/efs/hello.wasm");
    let pin = format!("sha256:{}", "0".repeat(64));
    assert_eq!(refresh(&[]), Refresh::Off);
    assert_eq!(refresh(&[("GUESTHOUSE_REFRESH", "0s")]), Refresh::EachTime);
    assert_eq!(refresh(&[file]), REFRESH);
    assert_eq!(refresh(&[file, ("GUESTHOUSE_REFRESH", "off")]), Refresh::Off);
    assert_eq!(refresh(&[file, ("GUESTHOUSE_DIGEST", &pin)]), Refresh::Off);
    assert_eq!(
        refresh(&[file, ("GUESTHOUSE_DIGEST", &pin), ("GUESTHOUSE_REFRESH", "5m")]),
        Refresh::Every(Duration::from_secs(300))
    );
}

#[test]
fn trusted_keys_are_public_keys_or_refused() {
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let config = read("", &[("GUESTHOUSE_TRUSTED_KEYS", key)], &[]).unwrap();
    assert!(config.policy.trusted_keys.require_signatures());
    assert!(problems("", &[("GUESTHOUSE_TRUSTED_KEYS", "hello")]).contains("`hello` is not a minisign public key"));
    assert!(problems("", &[("GUESTHOUSE_TRUSTED_KEYS", "")]).contains("expected a minisign public key"));
}
