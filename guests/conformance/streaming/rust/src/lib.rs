//! This guest handles events, and streams its responses as the event asks. The guest in Go takes the same events.

use std::{io::Write as _, thread, time::Duration};

use guesthouse_guest::{Context, Error, HttpHead, ResponseStream, handler};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Do {
    /// Numbered pieces of the type `text/x-pieces`.
    Pieces,
    /// The same as the body of an HTTP response.
    Http,
    /// The pieces, and then an error.
    Fail,
    /// The pieces, and then a trap.
    Trap,
    /// The pieces, and then an endless loop.
    Loop,
    /// An error before the response is opened.
    Before,
    /// A response that was opened, and not written to.
    Nothing,
    /// A response that is opened twice.
    Twice,
    /// A response whose type can't stand in a header.
    Type,
    /// A response that is not streamed.
    Whole,
}

#[derive(Deserialize)]
struct Event {
    r#do: Do,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    size: usize,
    #[serde(default)]
    ms: u64,
}

fn handle(event: Event, _context: Context) -> Result<&'static str, Error> {
    match event.r#do {
        Do::Before => return Err("the handler fails before it streams".into()),
        Do::Whole => return Ok("whole"),
        Do::Type => {
            ResponseStream::open("text/plain\r\nx: 1")?;
        }
        _ => {}
    }
    let mut response = match event.r#do {
        Do::Http => {
            let head = HttpHead::new(201).header("content-type", "text/plain").header("x-made-by", "rust");
            ResponseStream::open_http(&head.cookie("a=1").cookie("b=2"))?
        }
        _ => ResponseStream::open("text/x-pieces")?,
    };
    let filler = "x".repeat(event.size);
    for number in 0..event.count {
        if number > 0 {
            thread::sleep(Duration::from_millis(event.ms));
        }
        response.write_all(format!("{number}:{filler}").as_bytes())?;
    }
    match event.r#do {
        Do::Fail => Err("the handler fails while it streams".into()),
        Do::Trap => panic!("the guest gives up while it streams"),
        Do::Loop => loop {
            std::hint::black_box(());
        },
        Do::Twice => Err(ResponseStream::open("text/plain").map_or_else(Error::from, |_| "it was opened twice".into())),
        _ => Ok("this is not sent"),
    }
}

handler!(handle);
