//! Passes bytes on as fast as a fault allows.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use super::fault::Fault;

/// How many pieces a second of a slow connection has.
const PIECES: u64 = 50;

/// Writes as many of the bytes as may pass at once, takes the time that they take, and returns
/// the rest.
pub(super) async fn pass<'a>(
    to: &mut (impl AsyncWrite + Unpin),
    bytes: &'a [u8],
    fault: &Fault,
) -> io::Result<&'a [u8]> {
    let Fault::Throttle { bytes_per_second } = fault else {
        to.write_all(bytes).await?;
        return Ok(&[]);
    };
    let rate = (*bytes_per_second).max(1);
    let piece = usize::try_from((rate / PIECES).max(1)).unwrap_or(usize::MAX);
    let (now, later) = bytes.split_at_checked(piece).unwrap_or((bytes, &[]));
    // The time comes first, as the last bit of a byte arrives at its end.
    sleep(Duration::from_secs_f64(now.len() as f64 / rate as f64)).await;
    to.write_all(now).await?;
    Ok(later)
}
