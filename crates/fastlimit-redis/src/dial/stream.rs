//! The stream that the client reads and writes, which tells others what becomes of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::status::{End, StreamStatus};

/// What bytes go by.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A stream to a server.
///
/// It notes how it ends. Nothing is read before something was written: what a server says to a
/// client that it turns away at once is taken for the answer to the first request then, instead
/// of getting lost.
pub(super) struct Stream {
    transport: Box<dyn Transport>,
    status: Arc<StreamStatus>,
    has_written: bool,
    /// Who wants to read.
    reader: Option<Waker>,
}

impl Stream {
    /// A stream by which nothing has gone yet.
    pub(super) fn new(transport: impl Transport + 'static, status: Arc<StreamStatus>) -> Self {
        Self {
            transport: Box::new(transport),
            status,
            has_written: false,
            reader: None,
        }
    }

    /// What others can know of it.
    pub(super) fn status(&self) -> Arc<StreamStatus> {
        Arc::clone(&self.status)
    }

    /// Notes an error as the end.
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.status.end(|| End::broken(error));
        }
        result
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_written {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let result = ready!(Pin::new(&mut *self.transport).poll_read(context, buffer));
        if result.is_ok() && room > 0 && buffer.filled().len() == before {
            self.status.end(|| End::Closed);
        }
        Poll::Ready(self.note(result))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut *self.transport).poll_write(context, bytes));
        self.has_written = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(self.note(result))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut *self.transport).poll_flush(context));
        Poll::Ready(self.note(result))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut *self.transport).poll_shutdown(context));
        Poll::Ready(self.note(result))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.status.end(|| End::Dropped);
    }
}

/// Counts the bytes that a socket takes. It stands under TLS, so that what TLS has taken and not
/// passed on does not count.
pub(super) struct Counted<S> {
    socket: S,
    status: Arc<StreamStatus>,
}

impl<S> Counted<S> {
    /// Counts into a status.
    pub(super) fn new(socket: S, status: &Arc<StreamStatus>) -> Self {
        Self {
            socket,
            status: Arc::clone(status),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.socket).poll_write(context, bytes));
        if let Ok(count) = result {
            self.status.count_written(count);
        }
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (Stream, tokio::io::DuplexStream) {
        let (near, far) = tokio::io::duplex(64);
        let status = Arc::new(StreamStatus::default());
        (Stream::new(Counted::new(near, &status), status), far)
    }

    #[tokio::test]
    async fn what_was_said_before_the_first_write_is_read_after_it() {
        let (stream, mut far) = pair();
        far.write_all(b"hello").await.unwrap();
        let (mut reading, mut writing) = tokio::io::split(stream);
        let read = tokio::spawn(async move {
            let mut word = [0; 5];
            reading.read_exact(&mut word).await.unwrap();
            word
        });
        tokio::task::yield_now().await;
        assert!(!read.is_finished());
        writing.write_all(b"who?").await.unwrap();
        assert_eq!(&read.await.unwrap(), b"hello");
    }

    #[tokio::test]
    async fn an_end_is_told_and_bytes_are_counted() {
        let (mut stream, far) = pair();
        let status = stream.status();
        stream.write_all(b"1234567").await.unwrap();
        assert_eq!(status.written(), 7);
        assert!(!status.has_ended());
        drop(far);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(matches!(status.how_it_ended(), Some(End::Closed)));

        let (mut stream, far) = pair();
        let status = stream.status();
        drop(far);
        stream.write_all(b"1234567").await.unwrap_err();
        assert_eq!(status.written(), 0);
        assert!(matches!(status.how_it_ended(), Some(End::Broken(_))));

        let (stream, _far) = pair();
        let status = stream.status();
        drop(stream);
        assert!(matches!(status.how_it_ended(), Some(End::Dropped)));
    }
}
