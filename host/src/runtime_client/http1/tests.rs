//! Tests of the connection against a peer on the loopback interface.

use http::{HeaderName, StatusCode};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use super::*;

const LIMIT: usize = 20;

/// What is made of this message, after which the connection is closed.
async fn response(message: impl AsRef<[u8]>) -> Result<(StatusCode, Bytes), HttpError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = Connection::open(&listener.local_addr().unwrap().to_string()).await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    let sent = async {
        // It may be too much to be read to its end.
        let _ = peer.write_all(message.as_ref()).await;
        let _ = peer.shutdown().await;
    };
    let received = async {
        connection.send(b"GET / HTTP/1.1\r\n\r\n", b"").await?;
        let head = connection.head(FirstByte::Wait).await?;
        Ok((head.status, connection.body(head.framing, LIMIT).await?))
    };
    tokio::join!(sent, received).1
}

async fn body(message: impl AsRef<[u8]>) -> Result<Bytes, HttpError> {
    response(message).await.map(|(_, body)| body)
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_read_however_it_is_framed_and_a_larger_one_is_not() {
    for (bytes, fits) in [(0, true), (1, true), (LIMIT, true), (LIMIT + 1, false)] {
        let text = "x".repeat(bytes);
        let chunks =
            text.as_bytes().chunks(7).map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), "x".repeat(chunk.len())));
        let chunks: String = chunks.collect();
        for message in [
            format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n{text}"),
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\nTrailer: x\r\n\r\n"),
            format!("HTTP/1.1 200 OK\r\n\r\n{text}"),
        ] {
            match body(&message).await {
                Ok(body) => assert!(fits && body == text, "{message}"),
                Err(error) => assert!(!fits && matches!(error, HttpError::TooLarge(LIMIT)), "{message}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn an_interim_response_announces_the_one_that_counts() {
    let message = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(response(message).await.unwrap(), (StatusCode::ACCEPTED, Bytes::from_static(b"ok")));
}

#[tokio::test]
async fn a_message_that_ends_too_early_was_closed() {
    let messages = [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ];
    for message in messages {
        assert!(matches!(body(message).await, Err(HttpError::Closed)), "{message}");
    }
}

#[tokio::test]
async fn chunks_without_a_size_or_longer_than_it_are_refused() {
    for chunks in ["x\r\nabc\r\n", "\r\nabc\r\n", "2\r\nabc\r\n0\r\n\r\n", &"0".repeat(10_000)] {
        let message = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        assert!(matches!(body(message).await, Err(HttpError::Malformed(_))), "{chunks:.20}");
    }
}

#[tokio::test]
async fn a_head_up_to_the_limit_is_read_and_a_larger_one_is_not() {
    let head = |bytes: usize| {
        let (begin, end) = ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLambda-Runtime-Client-Context: ", "\r\n\r\n");
        format!("{begin}{}{end}", "x".repeat(bytes - begin.len() - end.len()))
    };
    assert!(body(head(HEADER_LIMIT_BYTES)).await.is_ok());
    let larger = body(head(HEADER_LIMIT_BYTES + 1)).await;
    assert!(matches!(larger, Err(HttpError::Malformed(_))), "{larger:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_in_the_middle_of_a_message_is_waited_for_so_long_and_not_longer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = Connection::open(&listener.local_addr().unwrap().to_string()).await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    let begun = Instant::now();
    let (received, ()) = tokio::join!(connection.head(FirstByte::Timeout), async {
        sleep(READ_TIMEOUT - Duration::from_millis(10)).await;
        peer.write_all(b"HTTP/1.1 200").await.unwrap();
    });
    assert!(matches!(received, Err(HttpError::ReadTimeout)));
    assert!(begun.elapsed() > READ_TIMEOUT, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_in_drops_is_waited_for_so_long_and_not_longer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = Connection::open(&listener.local_addr().unwrap().to_string()).await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    let drops = async {
        for drop in b"HTTP/1.1 200 OK\r\n" {
            sleep(READ_TIMEOUT / 2).await;
            peer.write_all(&[*drop]).await.unwrap();
        }
    };
    tokio::select! {
        received = connection.head(FirstByte::Timeout) => assert!(matches!(received, Err(HttpError::MessageTimeout))),
        () = drops => panic!("it is still waited for"),
    }
}

/// Connects, and returns both ends.
async fn pair() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connection = Connection::open(&listener.local_addr().unwrap().to_string()).await.unwrap();
    (connection, listener.accept().await.unwrap().0)
}

/// Takes a request to its end, responds, and returns what came.
async fn take(peer: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut bytes = [0; 4096];
        let read = peer.read(&mut bytes).await.unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(str::from_utf8(&bytes[..read]).unwrap());
    }
    peer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    text
}

#[tokio::test]
async fn a_request_is_sent_whole() {
    let (mut connection, mut peer) = pair().await;
    connection.send(b"POST / HTTP/1.1\r\n\r\n", b"body").await.unwrap();
    assert_eq!(take(&mut peer, "body").await, "POST / HTTP/1.1\r\n\r\nbody");
}

#[tokio::test]
async fn a_body_is_sent_in_chunks_and_ended_once_with_trailers() {
    let (connection, mut peer) = pair().await;
    let mut body = connection.send_chunked(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    for chunk in ["", "hello", &"x".repeat(0x123)] {
        body.send(chunk.as_bytes()).await.unwrap();
    }
    let end = body.end();
    let trailers = [("error-type", "Guest.Timeout"), ("b", "c")]
        .map(|(name, value)| (HeaderName::from_static(name), value.to_owned()));
    let (ended, text) = tokio::join!(end.send(&trailers), take(&mut peer, "c\r\n\r\n"));
    assert_eq!(ended.unwrap().unwrap().status, 202);
    let expected = format!(
        "POST / HTTP/1.1\r\n\r\n5\r\nhello\r\n123\r\n{}\r\n0\r\nerror-type: Guest.Timeout\r\nb: c\r\n\r\n",
        "x".repeat(0x123)
    );
    assert_eq!(text, expected);
    assert!(end.send(&[]).await.is_none(), "it is sent once");
    assert!(matches!(body.send(b"more").await, Err(HttpError::Closed)), "nothing comes behind the end");
}

#[tokio::test]
async fn an_empty_body_in_chunks_has_only_an_end() {
    let (connection, mut peer) = pair().await;
    let body = connection.send_chunked(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    let end = body.end();
    let (_, text) = tokio::join!(end.send(&[]), take(&mut peer, "0\r\n\r\n"));
    assert_eq!(text, "POST / HTTP/1.1\r\n\r\n0\r\n\r\n");
}

/// The sender waits in the middle of a chunk. Whoever sends the end sends the rest of the chunk before.
#[tokio::test]
async fn the_end_comes_behind_the_whole_of_a_chunk_that_was_begun() {
    let (connection, mut peer) = pair().await;
    let mut body = connection.send_chunked(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    let end = body.end();
    let chunk = vec![b'x'; 32 << 20];
    {
        let mut sending = std::pin::pin!(body.send(&chunk));
        assert!(futures_util::poll!(&mut sending).is_pending(), "it is larger than what the system holds");
    }
    let (ended, text) = tokio::join!(end.send(&[]), take(&mut peer, "\r\n0\r\n\r\n"));
    assert_eq!(ended.unwrap().unwrap().status, 202);
    assert_eq!(text.matches('x').count(), chunk.len());
}
