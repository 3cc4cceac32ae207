use std::{
    pin::Pin,
    task::{Context as Task, Poll, ready},
};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::mpsc;
use tokio_stream::Stream;

use crate::Error;
pub use crate::response::StreamResponse as Response;

/// A body that may come in pieces.
#[derive(Debug, Default)]
pub struct Body(Pieces);

#[derive(Debug, Default)]
enum Pieces {
    #[default]
    None,
    One(Bytes),
    Many(mpsc::Receiver<Result<Bytes, Error>>),
}

impl Body {
    /// Makes one without a piece.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Makes one whose pieces are sent.
    pub fn channel() -> (Sender, Self) {
        let (sender, receiver) = mpsc::channel(1);
        (Sender(sender), Self(Pieces::Many(receiver)))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(piece: T) -> Self {
        Self(Pieces::One(piece.into()))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Pieces::None => Poll::Ready(None),
            Pieces::One(piece) => {
                let piece = std::mem::take(piece);
                self.0 = Pieces::None;
                Poll::Ready(Some(Ok(piece)))
            }
            Pieces::Many(receiver) => receiver.poll_recv(task),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(ready!(self.poll_next(task)).map(|piece| piece.map(Frame::data)))
    }
}

/// Sends the pieces of a [`Body`].
#[derive(Debug)]
pub struct Sender(mpsc::Sender<Result<Bytes, Error>>);

impl Sender {
    /// Sends a piece, when the one before was taken.
    ///
    /// # Errors
    ///
    /// It fails when nobody takes pieces any more.
    pub async fn send_data(&mut self, piece: Bytes) -> Result<(), Error> {
        self.0.send(Ok(piece)).await.map_err(|_| "nobody takes the body's pieces".into())
    }

    /// Sends a piece, if the one before was taken.
    ///
    /// # Errors
    ///
    /// It gives the piece back that it can't send.
    pub fn try_send_data(&mut self, piece: Bytes) -> Result<(), Bytes> {
        self.0.try_send(Ok(piece)).map_err(|error| error.into_inner().unwrap_or_default())
    }

    /// Ends the body with an error.
    pub fn abort(self) {
        let aborted = self.0.try_send(Err("the body was aborted".into()));
        if let Err(mpsc::error::TrySendError::Full(error)) = aborted {
            // Nobody has taken the piece before yet, and without the error the body would seem whole.
            tokio::spawn(async move { self.0.send(error).await });
        }
    }
}

/// Makes a body whose pieces are sent.
pub fn channel() -> (Sender, Body) {
    Body::channel()
}
