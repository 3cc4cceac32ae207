//! `guesthouse deploy`, `invoke`, `logs`, `rollback` and `delete`, with moto as AWS.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    Program,
    cloud::{Cloud, Said},
    guests::answering,
    process, program,
    servers::S3,
};

/// A directory with a guest, and a layer in the place of the host's.
struct Project {
    directory: TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Self { directory: tempfile::tempdir().unwrap() };
        project.write("v1");
        // An empty zip file.
        fs::write(project.path("layer.zip"), [b"PK\x05\x06".as_slice(), &[0; 18]].concat()).unwrap();
        project
    }

    fn write(&self, version: &str) {
        fs::write(self.path("hello.wasm"), answering(version)).unwrap();
    }

    fn settings(&self, text: &str) {
        fs::write(self.path("guesthouse.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn deploy(&self, cloud: &Cloud, arguments: &[&str]) -> Output {
        let (guest, layer) = (self.path("hello.wasm"), self.path("layer.zip"));
        let own = ["deploy", guest.to_str().unwrap(), "--layer", layer.to_str().unwrap()];
        cloud.guesthouse(&[&own, arguments].concat())
    }
}

#[track_caller]
fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

const FUNCTIONS: &str = "POST /2015-03-31/functions";

#[test]
fn one_command_makes_a_function_and_the_next_one_changes_nothing() {
    let (cloud, project) = (Cloud::start(), Project::new());
    project.settings(
        "[handlers.hello]\nsource = \"s3://guests/hello.wasm\"\naws = [\"dynamodb\"]\n[deploy]\nmemory = 512\n",
    );
    let planned = stdout(&project.deploy(&cloud, &["--url", "public", "--dry-run"]));
    assert!(planned.contains("hello: would create the function\n"), "{planned}");
    assert_eq!(cloud.changes(), ["POST /?GetCallerIdentity"; 0]);

    let deployed = project.deploy(&cloud, &["--url", "public"]);
    let said = stdout(&deployed);
    let log = String::from_utf8_lossy(&deployed.stderr);
    for change in planned.lines() {
        assert!(said.contains(&change.replace("would ", "")), "{said}\n{change}");
    }
    assert!(log.contains("cold start 9.70 ms") && log.contains("dynamodb:ACTION"), "{log}");
    assert!(said.contains("https://") && said.contains("\"rawPath\":\"/\""), "{said}");

    let there = cloud.boto3(
        "
function = client('lambda').get_function(FunctionName='hello', Qualifier='live')
role = client('iam').get_role(RoleName='guesthouse-hello')['Role']
policy = client('iam').get_role_policy(RoleName='guesthouse-hello', PolicyName='guesthouse')['PolicyDocument']
statements = json.loads(client('lambda').get_policy(FunctionName='hello', Qualifier='live')['Policy'])['Statement']
configuration = function['Configuration']
print(json.dumps({
    'runtime': configuration['Runtime'], 'arch': configuration['Architectures'], 'memory': configuration['MemorySize'],
    'timeout': configuration['Timeout'], 'handler': configuration['Handler'], 'role': configuration['Role'],
    'layers': [layer['Arn'] for layer in configuration['Layers']],
    'trust': role['AssumeRolePolicyDocument']['Statement'][0]['Principal'],
    'may': [[statement['Action'], statement['Resource']] for statement in policy['Statement']],
    'statements': [[statement['Sid'], statement['Action'], statement['Principal'], statement.get('FunctionUrlAuthType'),
                    statement.get('InvokedViaFunctionUrl')] for statement in statements],
}))",
    );
    let group = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/hello";
    let mut expected = json!({
        "runtime": "provided.al2023", "arch": ["arm64"], "memory": 512, "timeout": 10, "handler": "hello",
        "role": "arn:aws:iam::123456789012:role/guesthouse-hello",
        "layers": ["arn:aws:lambda:eu-central-1:123456789012:layer:guesthouse-arm64:1"],
        "trust": {"Service": "lambda.amazonaws.com"},
        "may": [
            [["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], [group, format!("{group}:*")]],
            ["s3:GetObject", "arn:aws:s3:::guests/hello.wasm"],
        ],
    });
    expected["statements"] = json!([
        ["guesthouse-url", "lambda:InvokeFunctionUrl", "*", "NONE", null],
        ["guesthouse-url-invoke", "lambda:InvokeFunction", "*", null, true],
    ]);
    assert_eq!(there, expected);

    cloud.script(|_, _| None);
    let again = stdout(&project.deploy(&cloud, &["--url", "public", "--no-invoke"]));
    assert!(again.contains("hello: nothing to change\n"), "{again}");
    assert_eq!(cloud.changes(), [""; 0]);
}

#[test]
fn a_change_is_published_rolled_back_and_deployed_again() {
    let (cloud, project) = (Cloud::start(), Project::new());
    stdout(&project.deploy(&cloud, &[]));
    project.write("v2");
    let changed = stdout(&project.deploy(&cloud, &["--no-invoke", "--memory", "1024"]));
    assert_eq!(
        changed,
        "hello: update the function's code\nhello: update the function: memory 256 -> 1024\n\
         hello: publish a version of the function\nhello: move the alias live to that version\n"
    );
    let back = stdout(&cloud.guesthouse(&["rollback", "hello"]));
    assert_eq!(back, "hello: move the alias live from version 2 to 1\n");
    let too_far = refused(&cloud.guesthouse(&["rollback", "hello"]));
    assert!(too_far.contains("there is no version before 1"), "{too_far}");
    // What is deployed is the latest again.
    let again = stdout(&project.deploy(&cloud, &["--no-invoke", "--memory", "1024"]));
    assert!(again.ends_with("hello: move the alias live to that version\n"), "{again}");
}

#[test]
fn an_invocation_prints_the_response_and_the_end_of_the_log() {
    let cloud = Cloud::start();
    let output = cloud.guesthouse(&["invoke", "hello", "-e", r#"{"a":1}"#]);
    assert_eq!(stdout(&output), "{\"a\":1}\n");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("greeting\n") && log.ends_with("version 1 in 1.50 ms, cold start 9.70 ms\n"), "{log}");
    cloud.script(|_, request| {
        request.subject().contains("/invocations").then(|| Said {
            headers: vec![("X-Amz-Function-Error", "Unhandled".to_owned())],
            ..Said::new("200 OK", &json!({"errorType": "Guest.Timeout"}))
        })
    });
    let failed = cloud.guesthouse(&["invoke", "hello"]);
    assert_eq!(
        (failed.status.code(), failed.stdout.as_slice()),
        (Some(2), b"{\"errorType\":\"Guest.Timeout\"}\n".as_slice())
    );
}

#[test]
fn what_was_deployed_is_deleted_and_nothing_else_is() {
    let (cloud, project) = (Cloud::start(), Project::new());
    stdout(&project.deploy(&cloud, &["--no-invoke", "--url", "iam"]));
    let unasked = refused(&cloud.guesthouse(&["delete", "hello"]));
    assert!(unasked.contains("say `--yes`"), "{unasked}");
    assert!(stdout(&cloud.guesthouse(&["delete", "hello", "--dry-run"])).contains("would delete the role"));
    let deleted = stdout(&cloud.guesthouse(&["delete", "hello", "--yes"]));
    assert!(deleted.contains("hello: delete the function hello") && deleted.contains("the role guesthouse-hello"));
    let left = "
roles = [role['RoleName'] for role in client('iam').list_roles()['Roles']]
print(json.dumps([roles, [function['FunctionName'] for function in client('lambda').list_functions()['Functions']]]))";
    assert_eq!(cloud.boto3(left), json!([[], []]));
    assert!(stdout(&cloud.guesthouse(&["delete", "hello", "--yes"])).contains("nothing to delete"));

    cloud.boto3(
        "
trust = json.dumps({'Version': '2012-10-17', 'Statement': []})
role = client('iam').create_role(RoleName='guesthouse-hello', AssumeRolePolicyDocument=trust)['Role']['Arn']
client('lambda').create_function(FunctionName='hello', Role=role, Runtime='provided.al2023', Handler='x',
    Code={'ZipFile': b'PK\\x05\\x06' + bytes(18)})
print('0')",
    );
    let foreign = refused(&cloud.guesthouse(&["delete", "hello", "--yes"]));
    assert!(foreign.contains("the function `hello` was not made by this tool"), "{foreign}");
    let foreign = refused(&project.deploy(&cloud, &[]));
    assert!(foreign.contains("the role `guesthouse-hello` was not made by this tool"), "{foreign}");
    assert_eq!(cloud.boto3(left), json!([["guesthouse-hello"], ["hello"]]));
}

#[test]
fn a_deploy_waits_for_the_role_the_function_and_other_updates() {
    let (cloud, project) = (Cloud::start(), Project::new());
    let pending = AtomicUsize::new(0);
    cloud.script(move |asked, request| {
        let times = |begin: &str| asked.iter().filter(|line| *line == begin).count();
        let (throttled, role) = ("Rate exceeded", "The role defined for the function cannot be assumed by Lambda.");
        let line = asked.last()?.as_str();
        match line {
            "POST /?GetRole" if times(line) == 1 => Some(Said {
                headers: Vec::new(),
                status: "400 Bad Request",
                body: format!("<ErrorResponse><Error><Code>Throttling</Code><Message>{throttled}</Message></Error></ErrorResponse>"),
            }),
            FUNCTIONS if times(line) == 1 => {
                Some(Said::error("400 Bad Request", "InvalidParameterValueException", role))
            }
            FUNCTIONS if times(line) == 2 => {
                Some(Said::error("429 Too Many Requests", "TooManyRequestsException", throttled))
            }
            "POST /2015-03-31/functions/hello/versions" if times(line) == 1 => Some(Said::error(
                "409 Conflict",
                "ResourceConflictException",
                "The operation cannot be performed at this time. An update is in progress for resource",
            )),
            "GET /2015-03-31/functions/hello"
                if times(FUNCTIONS) == 3 && pending.fetch_add(1, Ordering::SeqCst) == 0 =>
            {
                let configuration = json!({"State": "Pending", "LastUpdateStatus": "InProgress"});
                assert_eq!(request.body.len(), 0);
                Some(Said::new("200 OK", &json!({"Configuration": configuration})))
            }
            _ => None,
        }
    });
    stdout(&project.deploy(&cloud, &["--no-invoke"]));
    assert_eq!(cloud.count(FUNCTIONS), 3);
    assert_eq!(cloud.count("POST /2015-03-31/functions/hello/versions"), 2);
    assert_eq!(cloud.count("GET /2015-03-31/functions/hello"), 3, "before, pending, and active");
}

#[test]
fn a_function_that_lambda_can_not_make_ends_the_deploy_with_the_reason() {
    let (cloud, project) = (Cloud::start(), Project::new());
    cloud.script(|asked, _| {
        let is_made = asked.iter().any(|line| line == FUNCTIONS);
        (is_made && asked.last()? == "GET /2015-03-31/functions/hello").then(|| {
            let configuration = json!({"State": "Failed", "StateReason": "no such key"});
            Said::new("200 OK", &json!({"Configuration": configuration}))
        })
    });
    let failed = refused(&project.deploy(&cloud, &[]));
    assert!(failed.contains("Lambda could not update the function `hello`: no such key"), "{failed}");
    assert_eq!(cloud.count("POST /2015-03-31/functions/hello/versions"), 0);
    // The next deploy goes on where this one ended.
    cloud.script(|_, _| None);
    let rest = stdout(&project.deploy(&cloud, &["--no-invoke"]));
    assert_eq!(rest, "hello: publish a version of the function\nhello: create the alias live for that version\n");
}

#[test]
fn a_missing_permission_is_named_with_the_statement_that_grants_it() {
    let (cloud, project) = (Cloud::start(), Project::new());
    let message = "User: arn:aws:iam::123456789012:user/a is not authorized to perform: iam:PassRole on resource: \
                   arn:aws:iam::123456789012:role/guesthouse-hello because no identity-based policy allows it";
    cloud.script(move |asked, _| {
        (asked.last()? == FUNCTIONS).then(|| Said::error("403 Forbidden", "AccessDeniedException", message))
    });
    let failed = refused(&project.deploy(&cloud, &[]));
    let statement =
        r#"{"Action":"iam:PassRole","Effect":"Allow","Resource":"arn:aws:iam::123456789012:role/guesthouse-hello"}"#;
    assert!(failed.contains("the permission `iam:PassRole` is missing") && failed.contains(statement), "{failed}");
    assert_eq!(cloud.count(FUNCTIONS), 1, "a refusal is not sent again");
}

#[test]
fn a_url_is_opened_only_when_that_is_said_and_closed_again() {
    let (cloud, project) = (Cloud::start(), Project::new());
    let said = stdout(&project.deploy(&cloud, &["--no-invoke"]));
    assert!(!said.contains("URL"), "{said}");
    let said = stdout(&project.deploy(&cloud, &["--no-invoke", "--url", "public"]));
    assert!(said.contains("hello: create a URL for everybody\n"), "{said}");
    let said = stdout(&project.deploy(&cloud, &["--no-invoke", "--url", "iam"]));
    let expected = "hello: let not everybody call the URL any more (statement guesthouse-url)\nhello: let not everybody \
                    call the URL any more (statement guesthouse-url-invoke)\nhello: change the URL to one for who has the \
                    permission\n";
    assert!(said.starts_with(expected), "{said}");
    let said = stdout(&project.deploy(&cloud, &["--no-invoke"]));
    assert!(said.starts_with("hello: nothing to change\nhello: https://"), "{said}");
    let said = stdout(&project.deploy(&cloud, &["--no-invoke", "--url", "none"]));
    assert_eq!(said, "hello: delete the URL\n");
}

#[test]
fn a_url_streams_where_the_handler_does() {
    let (cloud, project) = (Cloud::start(), Project::new());
    let mode = || {
        cloud.boto3(
            "
url = client('lambda').get_function_url_config(FunctionName='hello', Qualifier='live')
print(json.dumps(url['InvokeMode']))",
        )
    };
    for (respond, mode_of_url) in [("buffer", "BUFFERED"), ("stream", "RESPONSE_STREAM")] {
        project.settings(&format!("[handlers.hello.http]\nrespond = \"{respond}\"\n"));
        // Moto does not change the mode of a URL that there is.
        for url in ["none", "iam"] {
            stdout(&project.deploy(&cloud, &["--no-invoke", "--url", url]));
        }
        assert_eq!(mode(), mode_of_url);
    }
}

/// Roles have no region.
#[test]
fn the_role_of_a_function_in_another_region_is_neither_changed_nor_deleted() {
    let (cloud, project) = (Cloud::start(), Project::new());
    stdout(&project.deploy(&cloud, &["--no-invoke"]));
    cloud.script(|_, _| None);
    let elsewhere = ["--no-invoke", "--region", "us-west-2"];
    let refusal = refused(&project.deploy(&cloud, &elsewhere));
    assert!(refusal.contains("is that of the function `hello` in eu-central-1"), "{refusal}");
    let said = stdout(&cloud.guesthouse(&["delete", "hello", "--yes", "--region", "us-west-2"]));
    assert_eq!(said, "hello: nothing to delete in us-west-2\n");
    assert_eq!(cloud.changes(), [""; 0]);
    let said = stdout(&project.deploy(&cloud, &[&elsewhere[..], &["--name", "other"]].concat()));
    assert!(said.contains("create the role guesthouse-other"), "{said}");
}

#[test]
fn a_log_is_printed_and_a_function_without_one_has_none() {
    let cloud = Cloud::start();
    assert_eq!(stdout(&cloud.guesthouse(&["logs", "hello"])), "");
    cloud.boto3(
        "
import time
logs = client('logs')
logs.create_log_group(logGroupName='/aws/lambda/hello')
logs.create_log_stream(logGroupName='/aws/lambda/hello', logStreamName='s')
now = int(time.time() * 1000)
logs.put_log_events(logGroupName='/aws/lambda/hello', logStreamName='s', logEvents=[
    {'timestamp': now - 3600000, 'message': 'old'}, {'timestamp': now - 1000, 'message': 'one\\n'},
    {'timestamp': now, 'message': 'two\\u001b[31m'}])
print('0')",
    );
    assert_eq!(stdout(&cloud.guesthouse(&["logs", "hello"])), "one\ntwo\\u001b[31m\n");
    assert_eq!(stdout(&cloud.guesthouse(&["logs", "hello", "--since", "2h"])), "old\none\ntwo\\u001b[31m\n");
}

#[test]
fn a_log_is_followed_as_it_grows() {
    let cloud = Cloud::start();
    let put = |message: &str| {
        cloud.boto3(&format!(
            "
import time
logs = client('logs')
if not logs.describe_log_groups()['logGroups']:
    logs.create_log_group(logGroupName='/aws/lambda/hello')
    logs.create_log_stream(logGroupName='/aws/lambda/hello', logStreamName='s')
logs.put_log_events(logGroupName='/aws/lambda/hello', logStreamName='s', logEvents=[
    {{'timestamp': int(time.time() * 1000), 'message': '{message}'}}])
print('0')"
        ));
    };
    put("one");
    let tool = Program::start(&mut cloud.tool(&["logs", "hello", "--follow"]));
    tool.line("the first line", |line| (line == "one").then_some(()));
    put("two");
    tool.line("the second line", |line| (line == "two").then_some(()));
    assert_eq!(tool.lines(), ["one", "two"], "each line once");
}

#[test]
fn requests_are_signed_with_the_right_key_or_refused() {
    let aws = S3::start();
    let logs = |secret: &str| {
        let mut tool = Command::new(program("guesthouse"));
        tool.args(["logs", "hello"]).envs(aws.env()).env("AWS_ENDPOINT_URL", format!("http://{}", aws.address));
        process::output(tool.env("AWS_SECRET_ACCESS_KEY", secret))
    };
    assert_eq!(stdout(&logs(&aws.secret)), "");
    let wrong = refused(&logs("another"));
    assert!(wrong.contains("hint: check the credentials and this machine's clock"), "{wrong}");
}

#[test]
fn without_credentials_or_a_region_nothing_is_asked() {
    let project = Project::new();
    let run = |env: &[(&str, &str)]| {
        let mut tool = Command::new(program("guesthouse"));
        tool.args(["invoke", "hello"]).current_dir(project.directory.path()).env_clear().envs(env.iter().copied());
        refused(&process::output(tool.env("PATH", "/nowhere")))
    };
    let half = run(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_REGION", "eu-central-1")]);
    assert!(half.contains("only one is set"), "{half}");
    let none = run(&[("AWS_REGION", "eu-central-1")]);
    assert!(none.contains("there are no credentials for AWS"), "{none}");
    let no_region = run(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]);
    assert!(no_region.contains("no region is set"), "{no_region}");
    let plain = run(&[
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", "http://192.0.2.1"),
    ]);
    assert!(plain.contains("has no TLS"), "{plain}");
}
