//! The command `try network` runs the README's two functions that use the network, as guests, against servers on this
//! machine: one with the API of DynamoDB, and one of HTTP.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
};

use crate::{Result, guests, root, run as execute, say, tools};

pub fn run() -> Result<()> {
    tools::python()?;
    guests::compiler()?;
    people()?;
    weather()
}

/// The function in Python, with boto3.
fn people() -> Result<()> {
    let guest = Guest::new("people")?;
    say("building guests/network/people (1 minute)");
    guests::python_handler("guests/network/people/app.py", &tools::guest_python()?, &guest.file("wasm"))?;
    guest.settle(&fs::read_to_string(sample("people/guesthouse.toml"))?)?;
    let moto = Moto::start()?;
    moto.fill()?;
    guest.invoke(r#"{"id":"1"}"#, &[], &[("AWS_ENDPOINT_URL_DYNAMODB", &moto.endpoint)])
}

/// The function in JavaScript, with `fetch`.
fn weather() -> Result<()> {
    let guest = Guest::new("weather")?;
    say("building guests/network/weather");
    guests::javascript_handlers(&[(&sample("weather/handler.js"), "handler", guest.file("wasm"))])?;
    let api = serve()?;
    guest.settle(&fs::read_to_string(sample("weather/guesthouse.toml"))?.replace("https://api.example.com", &api))?;
    guest.invoke(r#"{"city":"Turin"}"#, &["--env", &format!("WEATHER_API={api}")], &[])
}

fn sample(path: &str) -> PathBuf {
    root().join("guests/network").join(path)
}

/// A guest in a directory of its own, with its settings.
struct Guest {
    name: &'static str,
    directory: PathBuf,
}

impl Guest {
    fn new(name: &'static str) -> Result<Self> {
        let directory = root().join("target/try").join(name);
        fs::create_dir_all(&directory)?;
        Ok(Self { name, directory })
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.directory.join(self.name).with_extension(ending)
    }

    /// Compiles the guest, and writes its settings beside it.
    fn settle(&self, settings: &str) -> Result<()> {
        guests::compile_to(&self.file("wasm"), &self.file("cwasm"))?;
        fs::write(self.directory.join("guesthouse.toml"), settings)?;
        say("its guesthouse.toml");
        print!("{settings}");
        Ok(())
    }

    /// Invokes the guest, which prints the response. `variables` are the tool's own, which AWS's libraries know.
    fn invoke(&self, event: &str, options: &[&str], variables: &[(&str, &str)]) -> Result<()> {
        let set: String = variables.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        let shown: String = options.iter().map(|option| format!("{option} ")).collect();
        say(&format!("{set}guesthouse run {} {shown}-e '{event}'", show(&self.file("cwasm"))));
        let mut tool = guests::tool();
        tool.arg("run").arg(self.file("cwasm")).args(options).args(["-e", event]);
        execute(tool.envs(CREDENTIALS).envs(variables.iter().copied()))
    }
}

fn show(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// As Lambda sets them, with the region under both of its names.
const CREDENTIALS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
];

/// A process with the API of DynamoDB, which ends when this value is dropped.
struct Moto {
    endpoint: String,
    process: Child,
    /// What it writes goes here. It would fail if nobody held the other end.
    _log: BufReader<ChildStderr>,
}

impl Moto {
    fn start() -> Result<Self> {
        say("starting a server with the API of DynamoDB");
        let mut python = Command::new(tools::venv_python());
        python.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = python.spawn()?;
        let mut log = BufReader::new(process.stderr.take().ok_or("the server has no log")?);
        let mut line = String::new();
        loop {
            line.clear();
            if log.read_line(&mut line)? == 0 {
                process.wait()?;
                return Err("the server with the API of DynamoDB ended".into());
            }
            if let Some((_, port)) = line.trim().split_once("Running on http://127.0.0.1:") {
                return Ok(Self { endpoint: format!("http://localhost:{port}"), process, _log: log });
            }
        }
    }

    /// Makes the table, with one item.
    fn fill(&self) -> Result<()> {
        const FILL: &str = "
import boto3, sys
table = boto3.resource('dynamodb', endpoint_url=sys.argv[1]).create_table(
    TableName='people', BillingMode='PAY_PER_REQUEST', KeySchema=[{'AttributeName': 'id', 'KeyType': 'HASH'}],
    AttributeDefinitions=[{'AttributeName': 'id', 'AttributeType': 'S'}])
table.put_item(Item={'id': '1', 'name': 'Ada'})
";
        execute(Command::new(tools::venv_python()).args(["-c", FILL, &self.endpoint]).envs(CREDENTIALS))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // The process may have ended by itself already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves one forecast on a thread, until this process ends. Returns the server's URL.
fn serve() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://localhost:{}", listener.local_addr()?.port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up says so itself.
            let _ = forecast(stream);
        }
    });
    Ok(url)
}

/// Responds to a request without a body.
fn forecast(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?).lines();
    let first = request.next().transpose()?.unwrap_or_default();
    while request.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let city = first.split(' ').nth(1).and_then(|path| path.strip_prefix("/forecast/")).unwrap_or_default();
    let body = format!("{{\"city\":\"{city}\",\"sky\":\"clear\",\"degrees\":21}}");
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}
