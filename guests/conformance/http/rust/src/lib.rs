//! This library has the routes of the guests `raw` and `kept`. A test asks for what it needs by path and query: see
//! [`handle`].

mod faults;
mod request;
mod respond;

use std::{
    io::Write as _,
    mem,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use wasip2::http::types::{ErrorCode, IncomingRequest, ResponseOutparam};

use crate::{
    request::Request,
    respond::{Head, Response},
};

/// How many requests this instance has had.
static REQUESTS: AtomicU32 = AtomicU32::new(0);
/// How often `/background` came to its end in this instance.
static BACKGROUND: AtomicU32 = AtomicU32::new(0);

/// Handles a request. Request headers `response-NAME: VALUE` become headers of the response, on every route with
/// one; `?status=CODE` is its status.
///
/// | path | what happens |
/// | --- | --- |
/// | `/request`, `/request/…` | JSON of what the guest got, the body in hexadecimal |
/// | `/echo` | the request's body, passed on as it comes |
/// | `/pieces?count=N&size=BYTES&wait=MS` | N pieces, each flushed, with a wait after each |
/// | `/large?mib=N` | N MiB from one small buffer |
/// | `/no-body` | a head and no byte; with `?open` the body is never finished |
/// | `/trailers` | a body and the trailer `x-checksum: 42` |
/// | `/count` | `{"requests":N,"background":N}` of this instance |
/// | `/background?wait=MS` | a response, and work after it; with `?loop` the work never ends |
/// | `/length?says=N&sends=N` | a `content-length` and so many bytes |
/// | `/refuse?text=TEXT` | the error `internal-error` and no response |
/// | `/nothing` | no response at all |
/// | `/keep` | no response, and what it would be set with is kept |
/// | `/hoard` | a response, and the request is kept |
/// | `/log?text=TEXT` | a line on each of both outputs, then a response; with `?after=BYTES` so many bytes of it come first |
/// | `/trap`, `/loop`, `/allocate`, `/overflow`, `/exit?code=N` | the fault; with `?after=BYTES` a head and so many bytes (0: only the head) come first |
pub fn handle(request: IncomingRequest, out: ResponseOutparam) {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    let mut request = Request::new(request);
    let path = request.path.clone();
    match path.as_str() {
        path if path == "/request" || path.starts_with("/request/") => {
            let json = request.describe();
            Head::of(&request).typed("application/json").send(out).all(json.as_bytes());
        }
        "/echo" => {
            let mut response = Head::of(&request).send(out);
            while let Some(bytes) = request.piece() {
                response.write(&bytes);
            }
            response.finish();
        }
        "/pieces" => pieces(&request, Head::of(&request).send(out)),
        "/large" => {
            let mut response = Head::of(&request).send(out);
            let mib: usize = request.number("mib").unwrap_or(1);
            let buffer = [b'x'; 65536];
            for _ in 0..mib * 16 {
                response.write(&buffer);
            }
            response.finish();
        }
        "/no-body" => {
            let response = Head::of(&request).send(out);
            if !request.has("open") {
                response.finish();
            }
        }
        "/trailers" => {
            let mut response = Head::of(&request).send(out);
            response.write(b"with a trailer");
            response.finish_with(&[("x-checksum", "42")]);
        }
        "/count" => {
            let (requests, background) = (REQUESTS.load(Ordering::Relaxed), BACKGROUND.load(Ordering::Relaxed));
            let json = format!(r#"{{"requests":{requests},"background":{background}}}"#);
            Head::of(&request).typed("application/json").send(out).all(json.as_bytes());
        }
        "/background" => {
            Head::of(&request).send(out).all(b"the response");
            if request.has("loop") {
                faults::endless();
            }
            wait(&request);
            BACKGROUND.fetch_add(1, Ordering::Relaxed);
            println!("the work after the response is done");
        }
        "/length" => {
            let says: usize = request.number("says").unwrap_or(0);
            let mut response = Head::of(&request).header("content-length", &says.to_string()).send(out);
            response.write(&vec![b'x'; request.number("sends").unwrap_or(0)]);
            response.finish();
        }
        "/refuse" => {
            ResponseOutparam::set(out, Err(ErrorCode::InternalError(request.text("text").map(str::to_owned))));
        }
        "/nothing" => {}
        "/keep" => mem::forget(out),
        "/hoard" => {
            Head::of(&request).send(out).all(b"kept");
            mem::forget(request);
        }
        "/log" => {
            let text = request.text("text").unwrap_or("a line");
            if let Some(bytes) = request.number("after") {
                let mut response = Head::of(&request).send(out);
                response.write(&vec![b'x'; bytes]);
                println!("{text}");
                return response.finish();
            }
            println!("{text}");
            eprintln!("{text}");
            Head::of(&request).send(out).all(b"logged");
        }
        "/trap" | "/loop" | "/allocate" | "/overflow" | "/exit" => {
            let response = request.number("after").map(|bytes: usize| {
                let mut response = Head::of(&request).send(out);
                response.write(&vec![b'x'; bytes]);
                response
            });
            faults::cause(&path, request.number("code").unwrap_or(0));
            drop(response);
        }
        _ => Head::of(&request).status(404).send(out).all(b"no such route"),
    }
}

fn pieces(request: &Request, mut response: Response) {
    let piece = vec![b'x'; request.number("size").unwrap_or(1024)];
    for number in 0..request.number("count").unwrap_or(3u32) {
        response.write(format!("{number}:").as_bytes());
        response.write(&piece);
        wait(request);
    }
    response.finish();
}

/// Sleeps for as long as the request says.
fn wait(request: &Request) {
    let wait = Duration::from_millis(request.number("wait").unwrap_or(0));
    let begin = Instant::now();
    if !wait.is_zero() {
        thread::sleep(wait);
        eprintln!("waited for {} ms", begin.elapsed().as_millis());
    }
    // Lines that were printed so far are seen now.
    let _ = std::io::stdout().flush();
}
