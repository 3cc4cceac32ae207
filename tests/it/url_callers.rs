//! Programs that others made: curl and a browser at functions' URLs, and AWS's SDK for JavaScript.

use std::{path::Path, process::Command};

use crate::support::{
    Program, Served, guests,
    stream::{Waiting, directory},
    tools,
};

/// curl, with the response's body on its standard output.
fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*"]);
    curl
}

/// What curl gets: standard output.
fn get(arguments: &[&str]) -> Vec<u8> {
    let ran = curl().args(arguments).output().expect("curl runs");
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

#[test]
fn curl_sees_the_bytes_that_a_function_sent() {
    let guests = directory(&[("raw.wasm", &guests::http("raw")), ("axum.wasm", &guests::http("axum"))]);
    let served = Served::start(guests.path(), &[]);
    let port = served.address.rsplit(':').next().unwrap();
    // curl finds the second name by itself.
    for base in [format!("http://{}/lambda-url/raw", served.address), format!("http://raw.localhost:{port}")] {
        let url = |path: &str| format!("{base}{path}");
        let text = get(&["-d", "h\u{e9}llo", "-H", "response-content-type: text/plain", &url("/echo")]);
        assert_eq!(String::from_utf8(text).unwrap(), "h\u{e9}llo");
        let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let file = guests.path().join("body");
        std::fs::write(&file, &binary).unwrap();
        let body = format!("@{}", file.display());
        let echoed = get(&[
            "--data-binary",
            &body,
            "-H",
            "content-type: image/png",
            "-H",
            "response-content-type: image/png",
            &url("/echo"),
        ]);
        assert!(echoed == binary, "{} bytes", echoed.len());
        let request: serde_json::Value =
            serde_json::from_slice(&get(&["-b", "one=1; two=2", &url("/request?a=%2F&a=b%20c")])).unwrap();
        assert_eq!(request["pathWithQuery"], "/request?a=%2F&a=b%20c");
        assert!(request["headers"].as_array().unwrap().contains(&serde_json::json!(["cookie", "one=1; two=2"])));
        for (arguments, path, shown) in [
            (&["--head", "-o", "/dev/null"][..], "/echo", "200 0"),
            (&["-o", "/dev/null"], "/echo?status=204", "204 0"),
            (&["-o", "/dev/null"], "/large?mib=1&status=404", "404 1048576"),
        ] {
            let written = get(&[arguments, &["-w", "%{http_code} %{size_download}", &url(path)]].concat());
            assert_eq!(String::from_utf8(written).unwrap(), shown, "{path}");
        }
    }
    let jar = get(&["-o", "/dev/null", "-c", "-", &format!("http://axum.localhost:{port}/cookies")]);
    let jar = String::from_utf8(jar).unwrap();
    assert!(jar.contains("\ta\t1\n") && jar.contains("\tb\t2\n") && jar.contains("axum.localhost\t"), "{jar}");
}

#[test]
fn curl_gets_each_piece_of_a_stream_when_it_is_sent() {
    let waiting = Waiting::start(&[]);
    let url = format!("http://{}/lambda-url/wait/", waiting.address);
    let mut reader = Program::start(curl().args(["--no-buffer", &url]));
    let mut worker = waiting.worker(&waiting.in_flight(1), "text/plain");
    for piece in ["one", "two", "three"] {
        worker.chunk(format!("{piece}\n").as_bytes());
        reader.line(piece, |line| (line == piece).then_some(()));
    }
    assert_eq!(worker.end(), "202");
    assert!(reader.wait().success());
    // One that breaks off is no complete response to it.
    let mut reader = Program::start(curl().args(["--no-buffer", &url]));
    let mut worker = waiting.worker(&waiting.in_flight(2), "text/plain");
    worker.chunk(b"one\n");
    reader.line("one", |line| (line == "one").then_some(()));
    worker.break_off();
    assert!(!reader.wait().success());
}

/// A page of the function `wait`. It asks for JSON and for a stream, tries to get at what is not its own, and says what
/// it saw.
const PAGE: &str = r#"<!doctype html><link rel="icon" href="data:,"><p>This page is a function's.</p><script>
async function main() {
    console.log(`page ${location.host} ${document.querySelector("p").textContent}`);
    const response = await fetch("/data?x=1");
    console.log(`json ${(await response.json()).greeting} ${document.cookie}`);
    const reader = (await fetch("/stream")).body.pipeThrough(new TextDecoderStream()).getReader();
    for (let read; !(read = await reader.read()).done;) {
        console.log(`piece ${read.value}`);
    }
    const others = [
        "localhost:PORT/2015-03-31/functions/wait/invocations",
        "127.0.0.1:PORT/2021-11-15/functions/wait/response-streaming-invocations",
        "localhost:PORT/lambda-url/wait/",
        "broken.localhost:PORT/",
    ];
    for (const other of others) {
        await fetch(`http://${other.replace("PORT", location.port)}`, { method: "POST", mode: "no-cors", body: "{}" });
    }
    console.log(`end ${(await fetch("/end", { method: "POST" })).status}`);
}
main().catch(error => console.log(`failed ${error}`));
</script>"#;

#[test]
fn a_browser_shows_a_functions_page_which_reads_json_and_a_stream() {
    let waiting = Waiting::start(&[]);
    let profile = tempfile::tempdir().unwrap();
    let port = waiting.address.rsplit(':').next().unwrap();
    let browser = browser(profile.path(), &format!("http://wait.localhost:{port}/"));
    let says = |text: &str| {
        browser.line(text, |line| {
            assert!(!line.contains("\"failed "), "{line}");
            line.contains(&format!("\"{text}\"")).then_some(())
        });
    };
    let respond = |nth: usize, content_type: &str, body: &str| {
        let response = serde_json::json!({
            "statusCode": 200, "headers": { "content-type": content_type }, "cookies": ["seen=1"], "body": body,
        });
        waiting.post(&waiting.in_flight(nth), "response", "buffered", response.to_string().as_bytes());
    };
    respond(1, "text/html; charset=utf-8", PAGE);
    says(&format!("page wait.localhost:{port} This page is a function's."));
    respond(2, "application/json", r#"{"greeting":"h\u00e9llo"}"#);
    says("json h\u{e9}llo seen=1");
    let mut worker = waiting.worker(&waiting.in_flight(3), "text/event-stream");
    for piece in ["one", "two"] {
        worker.chunk(piece.as_bytes());
        says(&format!("piece {piece}"));
    }
    worker.end();
    // Had what is refused become an invocation, it would be the fourth, and the page would wait for it.
    respond(4, "text/plain", "done");
    says("end 200");
    assert_eq!(waiting.program.lines().iter().filter(|line| line.starts_with("START ")).count(), 4);
}

#[test]
fn the_sdk_for_javascript_receives_a_streamed_response_as_it_comes() {
    const SCRIPT: &str = r#"
import { InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient } from "@aws-sdk/client-lambda";
const client = new LambdaClient({ endpoint: process.env.ENDPOINT });
for (const FunctionName of ["wait", "wait", "broken"]) {
    const response = await client.send(new InvokeWithResponseStreamCommand({ FunctionName, Payload: "{}" }));
    console.log("status", response.StatusCode, response.ExecutedVersion);
    for await (const { PayloadChunk, InvokeComplete } of response.EventStream) {
        if (PayloadChunk) {
            console.log("chunk", new TextDecoder().decode(PayloadChunk.Payload));
        } else {
            console.log("complete", InvokeComplete.ErrorCode, InvokeComplete.ErrorDetails);
        }
    }
}
const whole = await client.send(new InvokeCommand({ FunctionName: "wait", Payload: "{}" }));
console.log("whole", whole.StatusCode, whole.FunctionError, whole.Payload.transformToString());
const nobody = client.send(new InvokeWithResponseStreamCommand({ FunctionName: "nobody" }));
await nobody.catch(error => console.log(error.name));
"#;
    let waiting = Waiting::start(&[]);
    let mut node = tools::node(SCRIPT);
    let node = Program::start(node.env("ENDPOINT", format!("http://{}", waiting.address)));
    let says = |line: &str| node.line(line, |found| (found == line).then_some(()));
    let mut worker = waiting.worker(&waiting.in_flight(1), "text/plain");
    for piece in ["one", "two"] {
        worker.chunk(piece.as_bytes());
        says(&format!("chunk {piece}"));
    }
    worker.end();
    says("status 200 $LATEST");
    says("complete undefined undefined");
    let mut worker = waiting.worker(&waiting.in_flight(2), "text/plain");
    worker.chunk(b"three");
    says("chunk three");
    worker.fail("Oops", r#"{"errorType":"Oops","errorMessage":"no"}"#);
    says(r#"complete Oops {"errorType":"Oops","errorMessage":"no"}"#);
    node.line("the failed start", |found| found.starts_with("complete Host.InvalidGuest").then_some(()));
    let mut worker = waiting.worker(&waiting.in_flight(3), "text/plain");
    worker.chunk(b"all");
    worker.end();
    says("whole 200 undefined all");
    says("ResourceNotFoundException");
}

/// A browser without a window, which opens this URL, and writes what the page says to its log.
fn browser(profile: &Path, url: &str) -> Program {
    let mut browser = tools::browser();
    // Its sandbox needs rights that root in a container lacks. The page is the test's own.
    browser.args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]);
    // It stays until it is ended, because a debugger might come.
    browser.args(["--enable-logging=stderr", "--remote-debugging-port=0"]);
    browser.arg(format!("--user-data-dir={}", profile.display())).arg(url);
    Program::start(&mut browser)
}
