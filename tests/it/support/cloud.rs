//! Moto as AWS, and a small server in front of it for what moto has not: functions that are not ready yet, refusals,
//! and invocations.

use std::{
    io::{BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use super::{Program, http, http::Message, process, program, tools};

/// Decides, from the requests so far and the latest one, whether the server in front responds by itself.
type Script = dyn Fn(&[String], &Message) -> Option<Said> + Send + Sync;

/// What the server in front says by itself.
#[derive(Clone)]
pub struct Said {
    pub status: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Said {
    pub fn new(status: &'static str, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }

    /// An error as Lambda's API has it.
    pub fn error(status: &'static str, code: &str, message: &str) -> Self {
        let headers = vec![("x-amzn-errortype", format!("{code}:http://internal.amazon.com/"))];
        Self { headers, ..Self::new(status, &json!({"Message": message})) }
    }

    fn write(&self, to: &mut TcpStream) -> Option<()> {
        let mut head = format!("HTTP/1.1 {}\r\nContent-Length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        to.write_all(format!("{head}Connection: close\r\n\r\n{}", self.body).as_bytes()).ok()
    }
}

/// An AWS with one account. It ends with this value.
pub struct Cloud {
    address: String,
    shared: Arc<Shared>,
    _moto: Program,
}

struct Shared {
    moto: String,
    asked: Mutex<Vec<String>>,
    script: Mutex<Arc<Script>>,
}

/// The line that Lambda writes at the end of an invocation with a cold start.
pub const REPORT: &str = "REPORT RequestId: 1\tDuration: 1.50 ms\tBilled Duration: 12 ms\tMemory Size: 256 MB\tMax \
                          Memory Used: 30 MB\tInit Duration: 9.70 ms\t\n";

impl Cloud {
    pub fn start() -> Self {
        let moto = Program::start(tools::moto().args(["-H", "127.0.0.1", "-p", "0"]));
        let address =
            moto.line("moto's address", |line| Some(line.split("Running on http://").nth(1)?.trim().to_owned()));
        // Without this it would start containers.
        let config = json!({"lambda": {"use_docker": false}}).to_string();
        let kind = [("Content-Type", "application/json")];
        let set = http::request(&address, "POST /moto-api/config", &kind, config.as_bytes());
        assert_eq!(set.subject(), "201", "{}", set.text());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("an address").to_string();
        let shared =
            Arc::new(Shared { moto: address, asked: Mutex::default(), script: Mutex::new(Arc::new(|_, _| None)) });
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address: own, shared, _moto: moto }
    }

    /// From now on the server in front does this, and it forgets what it was asked.
    pub fn script(&self, script: impl Fn(&[String], &Message) -> Option<Said> + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap() = Arc::new(script);
        self.shared.asked.lock().unwrap().clear();
    }

    /// The requests so far that change something, without those of invocations.
    pub fn changes(&self) -> Vec<String> {
        let reads = |line: &String| {
            line.starts_with("GET ") || line.contains("/invocations") || line.contains("?Get") || line.contains("Logs_")
        };
        self.shared.asked.lock().unwrap().iter().filter(|line| !reads(line)).cloned().collect()
    }

    /// How many requests there were with this line.
    pub fn count(&self, line: &str) -> usize {
        self.shared.asked.lock().unwrap().iter().filter(|asked| *asked == line).count()
    }

    /// Runs the developer's tool with this AWS.
    pub fn guesthouse(&self, arguments: &[&str]) -> Output {
        process::output(&mut self.tool(arguments))
    }

    /// The developer's tool with this AWS.
    pub fn tool(&self, arguments: &[&str]) -> Command {
        let mut tool = Command::new(program("guesthouse"));
        tool.args(arguments).envs([
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address).as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "eu-central-1"),
        ]);
        tool
    }

    /// Runs a script with `client(SERVICE)`, and returns the JSON that it prints.
    pub fn boto3(&self, script: &str) -> Value {
        let begin = "import boto3, json, sys\nclient = lambda service: boto3.client(service, endpoint_url=sys.argv[1], \
                     region_name='eu-central-1')\n";
        let mut python = tools::python();
        let output =
            process::output(python.args(["-c", &format!("{begin}{script}"), &format!("http://{}", self.shared.moto)]));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let request = Message::read(&mut BufReader::new(stream.try_clone().ok()?)).ok()??;
        let (script, asked) = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(line(&request));
            (self.script.lock().unwrap().clone(), asked.clone())
        };
        if let Some(said) = script(&asked, &request) {
            return said.write(&mut stream);
        }
        if request.subject().contains("/invocations") {
            return invoked(&request).write(&mut stream);
        }
        let first_line = request.first_line.trim_end_matches(" HTTP/1.1");
        let own = ["host", "content-length", "connection"];
        let headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value).ok()?)))
            .collect();
        let response = http::request(&self.moto, first_line, &headers, &request.body);
        let headers = response
            .headers
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()) && name != "transfer-encoding" && name != "date");
        let mut head = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n", response.subject(), response.body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value)));
        }
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
        stream.write_all(&response.body).ok()
    }
}

/// The method and the path, and the operation where the path does not say it.
fn line(request: &Message) -> String {
    let body = String::from_utf8_lossy(&request.body);
    let operation = body.strip_prefix("Action=").and_then(|rest| rest.split('&').next());
    let operation = operation.or_else(|| request.header("x-amz-target"));
    let line = request.first_line.trim_end_matches(" HTTP/1.1");
    operation.map_or_else(|| line.to_owned(), |operation| format!("{line}?{operation}"))
}

/// An invocation that returns its event.
fn invoked(request: &Message) -> Said {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let log = format!("START RequestId: 1\ngreeting\nEND RequestId: 1\n{REPORT}");
    Said {
        status: "200 OK",
        headers: vec![("X-Amz-Executed-Version", "1".to_owned()), ("X-Amz-Log-Result", BASE64_STANDARD.encode(log))],
        body: String::from_utf8_lossy(&request.body).into_owned(),
    }
}
