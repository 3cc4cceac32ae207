//! Tests of the connection against a peer on the loopback interface.

use http::StatusCode;
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

/// Returns what the peer receives.
async fn sent(send: impl AsyncFnOnce(&mut Connection)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = Connection::open(&listener.local_addr().unwrap().to_string()).await.unwrap();
    let (mut peer, _): (TcpStream, _) = listener.accept().await.unwrap();
    send(&mut connection).await;
    drop(connection);
    let mut text = String::new();
    peer.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_request_is_sent_whole_or_in_chunks_with_trailers() {
    let whole = sent(async |connection| connection.send(b"POST / HTTP/1.1\r\n\r\n", b"body").await.unwrap()).await;
    assert_eq!(whole, "POST / HTTP/1.1\r\n\r\nbody");
    let chunked = sent(async |connection| {
        connection.send(b"POST / HTTP/1.1\r\n\r\n", b"").await.unwrap();
        for chunk in ["", "hello", &"x".repeat(0x123)] {
            connection.send_chunk(chunk.as_bytes()).await.unwrap();
        }
        connection.send_trailers(&[("error-type", "Guest.Timeout"), ("b", "c")]).await.unwrap();
    });
    let expected = format!(
        "POST / HTTP/1.1\r\n\r\n5\r\nhello\r\n123\r\n{}\r\n0\r\nerror-type: Guest.Timeout\r\nb: c\r\n\r\n",
        "x".repeat(0x123)
    );
    assert_eq!(chunked.await, expected);
    let empty = sent(async |connection| connection.send_trailers(&[]).await.unwrap()).await;
    assert_eq!(empty, "0\r\n\r\n");
}
