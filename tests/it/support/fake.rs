//! A Runtime API in this process, with every route and header, that does what the test says.

use std::{
    collections::VecDeque,
    io::{BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{PATIENCE, Reply, http::Message, wait_for};

/// One event, as `/next` returns it.
#[derive(Clone)]
pub struct Event {
    pub id: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub framing: Framing,
    /// How long the host has, from now on.
    pub timeout: Duration,
}

/// How a body's end is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Sized,
    Chunked,
    /// With a length, and one byte at a time.
    ByteByByte,
    /// In chunks of all sizes, with extensions and trailers, after another response that only announces this one.
    OddlyChunked,
}

/// What becomes of a request for an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NextFault {
    /// The request gets this status line, and the event goes to the next request. With an empty one, the connection
    /// ends.
    Status(&'static str),
    /// Only a part of the event is sent, and the connection ends. The event goes to the next request, as on Lambda.
    CutOff,
    /// The same, but the event does not come again.
    CutOffAndForgotten,
    /// Only a part of the event is sent, and nothing more comes. The event goes to the next request.
    Stalled,
    /// The event is sent, and at once sent again.
    Twice,
    /// This is sent, and the connection ends. The event goes to the next request.
    Says(&'static str),
}

/// An X-Ray header's value.
pub const TRACE_ID: &str = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1";

impl Event {
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let id = format!("id-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let timeout = Duration::from_secs(300);
        Self { id, headers: Vec::new(), body: body.into(), framing: Framing::Sized, timeout }
    }

    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With all that Lambda can say of an invocation, the deadline 4102444800123 included.
    pub fn with_whole_context(self, client_context: &str) -> Self {
        self.header("Lambda-Runtime-Deadline-Ms", "4102444800123")
            .header("Lambda-Runtime-Trace-Id", TRACE_ID)
            .header("Lambda-Runtime-Client-Context", client_context)
            .header("Lambda-Runtime-Cognito-Identity", r#"{"cognitoIdentityId":"id1","cognitoIdentityPoolId":"pool1"}"#)
            .header("Lambda-Runtime-Aws-Tenant-Id", "tenant-A")
    }

    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n".to_vec();
        let deadline = (now + self.timeout).as_millis().to_string().into_bytes();
        let fixed = [
            ("Lambda-Runtime-Aws-Request-Id".to_owned(), self.id.clone().into_bytes()),
            ("Lambda-Runtime-Deadline-Ms".to_owned(), deadline),
            ("Lambda-Runtime-Invoked-Function-Arn".to_owned(), b"arn:aws:lambda:eu-central-1:1:function:f".to_vec()),
        ];
        let own = |name: &str| self.headers.iter().any(|(known, _)| known == name);
        for (name, value) in fixed.iter().filter(|(name, _)| !own(name)).chain(&self.headers) {
            bytes.extend_from_slice(format!("{name}: ").as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        match self.framing {
            Framing::Sized | Framing::ByteByByte => {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
                bytes.extend_from_slice(&self.body);
            }
            Framing::Chunked => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in self.body.chunks(4096) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
            Framing::OddlyChunked => {
                bytes.splice(0..0, *b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
                bytes.extend_from_slice(b"tRANSFER-eNCODING:chunked  \r\n\r\n");
                let mut rest = &self.body[..];
                for size in (1..).map(|size| size * size) {
                    let (chunk, others) = rest.split_at(rest.len().min(size));
                    if chunk.is_empty() {
                        break;
                    }
                    bytes.extend_from_slice(format!("{:08X};a=\"b\"\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                    rest = others;
                }
                bytes.extend_from_slice(b"000\r\nX-Trailer: 1\r\nLambda-Runtime-Aws-Request-Id: another\r\n\r\n");
            }
        }
        if self.framing == Framing::ByteByByte {
            return bytes.iter().try_for_each(|byte| to.write_all(&[*byte]));
        }
        to.write_all(&bytes)
    }
}

/// The fake itself.
pub struct Fake {
    pub address: String,
    shared: Arc<Shared>,
    posts: Mutex<Receiver<Message>>,
    chunks: Mutex<Receiver<Vec<u8>>>,
}

struct Shared {
    line: Mutex<Line>,
    posts: Sender<Message>,
    /// Gets each chunk of a post as it comes.
    chunks: Mutex<Sender<Vec<u8>>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
    /// The status lines for the next posts, if not 202. An empty one is no response at all.
    post_answers: Mutex<VecDeque<&'static str>>,
    /// What becomes of the next requests for an event.
    next_faults: Mutex<VecDeque<NextFault>>,
}

/// The events that nobody has asked for yet, or the requests for which there is no event yet: one of the two is empty.
///
/// The request that has waited longest gets the next event. So of as many events as there are waiting workers each
/// worker gets one, however quick the others are.
#[derive(Default)]
struct Line {
    events: VecDeque<Event>,
    requests: VecDeque<Sender<Event>>,
}

impl Line {
    fn add(&mut self, event: Event) {
        if let Some(event) = self.hand_out(event) {
            self.events.push_back(event);
        }
    }

    /// Adds an event that was handed out before, and is to come again before all others.
    fn put_back(&mut self, event: Event) {
        if let Some(event) = self.hand_out(event) {
            self.events.push_front(event);
        }
    }

    /// Gives the event back where nobody waits for it.
    fn hand_out(&mut self, event: Event) -> Option<Event> {
        match self.requests.pop_front() {
            Some(request) => request.send(event).err().map(|unsent| unsent.0),
            None => Some(event),
        }
    }
}

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (posts, posted) = channel();
        let (chunks, chunked) = channel();
        let shared = Arc::new(Shared {
            line: Mutex::default(),
            posts,
            chunks: Mutex::new(chunks),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            streams: Mutex::default(),
            post_answers: Mutex::default(),
            next_faults: Mutex::default(),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = accepting.clone();
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                shared.streams.lock().unwrap().extend(stream.try_clone());
                shared.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared, posts: Mutex::new(posted), chunks: Mutex::new(chunked) }
    }

    pub fn send(&self, event: Event) {
        self.shared.line.lock().unwrap().add(event);
    }

    /// What the host posted, in the order in which it came.
    #[track_caller]
    pub fn post(&self) -> Reply {
        let post = self.posts.lock().unwrap().recv_timeout(PATIENCE);
        Reply::posted(post.unwrap_or_else(|_| panic!("the host posted nothing for {PATIENCE:?}")))
    }

    /// The next chunk of a response that the host streams, as soon as it has come.
    #[track_caller]
    pub fn chunk(&self) -> Vec<u8> {
        let chunk = self.chunks.lock().unwrap().recv_timeout(PATIENCE);
        chunk.unwrap_or_else(|_| panic!("the host sent no chunk for {PATIENCE:?}"))
    }

    /// What the host posted, if it posted anything yet.
    pub fn try_post(&self) -> Option<Reply> {
        self.posts.lock().unwrap().try_recv().ok().map(Reply::posted)
    }

    /// Sends an event and returns what the host posts for it.
    #[track_caller]
    pub fn invoke(&self, event: Event) -> Reply {
        let id = event.id.clone();
        self.send(event);
        let post = self.post();
        assert!(post.subject().contains(&format!("/invocation/{id}/")), "{} is not for {id}", post.subject());
        post
    }

    /// The next post gets this status line, and the connection is closed if the line is empty. There is no response
    /// at all to one for which the line is [`SILENCE`].
    pub fn answer_next_post(&self, status: &'static str) {
        self.shared.post_answers.lock().unwrap().push_back(status);
    }

    /// This becomes of the next request for an event, at once or when the event comes that is to be sent after this.
    pub fn disturb_next(&self, fault: NextFault) {
        self.shared.next_faults.lock().unwrap().push_back(fault);
    }

    /// From now on there is no Runtime API.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then lets the port go.
        let _ = TcpStream::connect(&self.address);
        self.break_connections();
    }

    /// Breaks all connections that there are now.
    pub fn break_connections(&self) {
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many workers wait for an event.
    pub fn waiting(&self) -> usize {
        self.shared.line.lock().unwrap().requests.len()
    }

    /// Waits until so many workers wait for an event.
    pub fn wait_for_workers(&self, count: usize) {
        wait_for(&format!("{count} workers"), || (self.waiting() == count).then_some(()));
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut writer = stream;
        let chunks = self.chunks.lock().unwrap().clone();
        // Nobody has to look at the chunks.
        let mut chunk = |_: &Message, bytes: &[u8]| drop(chunks.send(bytes.to_vec()));
        while let Some(request) = Message::read_with(&mut reader, &mut chunk).ok()? {
            match request.first_line.as_str() {
                "GET /2018-06-01/runtime/invocation/next HTTP/1.1" => {
                    let event = self.next();
                    let fault = self.next_faults.lock().unwrap().pop_front();
                    match fault {
                        None => event.write(&mut writer).ok()?,
                        Some(fault) => self.disturb(fault, event, &mut writer)?,
                    }
                }
                line if line.starts_with("POST /2018-06-01/runtime/") => {
                    self.posts.send(request).ok()?;
                    let status = self.post_answers.lock().unwrap().pop_front().unwrap_or("202 Accepted");
                    if status != SILENCE {
                        respond(&mut writer, status)?;
                    }
                }
                _ => respond(&mut writer, "404 Not Found")?,
            }
        }
        Some(())
    }

    /// `None` when the connection has ended.
    fn disturb(&self, fault: NextFault, event: Event, writer: &mut TcpStream) -> Option<()> {
        let mut whole = Vec::new();
        event.write(&mut whole).ok()?;
        let part = &whole[..whole.len() - event.body.len().div_ceil(2)];
        if ![NextFault::CutOffAndForgotten, NextFault::Twice].contains(&fault) {
            self.line.lock().unwrap().put_back(event);
        }
        match fault {
            NextFault::Status(status) => respond(writer, status),
            NextFault::CutOff | NextFault::CutOffAndForgotten => {
                writer.write_all(part).ok()?;
                writer.shutdown(Shutdown::Both).ok()
            }
            NextFault::Stalled => writer.write_all(part).ok(),
            NextFault::Twice => writer.write_all(&[&whole[..], &whole].concat()).ok(),
            NextFault::Says(text) => {
                writer.write_all(text.as_bytes()).ok()?;
                writer.shutdown(Shutdown::Both).ok()
            }
        }
    }

    fn next(&self) -> Event {
        let handed_out = {
            let mut line = self.line.lock().unwrap();
            if let Some(event) = line.events.pop_front() {
                return event;
            }
            let (hand_out, handed_out) = channel();
            line.requests.push_back(hand_out);
            handed_out
        };
        handed_out.recv().expect("the line keeps the other end until there is an event")
    }
}

/// A status line for which nothing is said.
pub const SILENCE: &str = "silence";

/// Responds as the Runtime API does, or closes the connection.
fn respond(to: &mut TcpStream, status: &str) -> Option<()> {
    if status.is_empty() {
        return to.shutdown(Shutdown::Both).ok();
    }
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n");
    to.write_all(head.as_bytes()).ok()?;
    to.write_all(b"{\"status\":\"OK\"}\n").ok()
}
