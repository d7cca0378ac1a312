//! Counts the requests in a stream of bytes.

/// How much of a line is looked at; the lines that matter are short.
const LINE: usize = 32;

/// Counts the requests that end in each piece of a stream.
///
/// What is no request of the protocol counts by its lines, as a server takes it.
#[derive(Default)]
pub(super) struct RequestCounter {
    /// The beginning of the line that is not at its end.
    line: Vec<u8>,
    /// How many arguments of the request are missing.
    args: u64,
    /// How many bytes of the argument are missing, with its end of line.
    bytes: usize,
}

impl RequestCounter {
    /// Takes the next piece and returns how many requests end in it.
    pub(super) fn feed(&mut self, mut piece: &[u8]) -> u64 {
        let mut requests = 0;
        while !piece.is_empty() {
            if self.bytes > 0 {
                let taken = self.bytes.min(piece.len());
                piece = piece.get(taken..).unwrap_or_default();
                self.bytes -= taken;
                if self.bytes == 0 {
                    requests += self.end_argument();
                }
                continue;
            }
            let end = piece.iter().position(|&byte| byte == b'\n');
            let (part, rest) = piece
                .split_at_checked(end.unwrap_or(piece.len()))
                .unwrap_or((piece, &[]));
            let room = LINE.saturating_sub(self.line.len());
            self.line.extend(part.iter().take(room));
            piece = rest.get(1..).unwrap_or_default();
            if end.is_some() {
                requests += self.end_line();
            }
        }
        requests
    }

    fn end_line(&mut self) -> u64 {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_ascii_end();
        let number = line
            .get(1..)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
        match (line.first(), number) {
            (None, _) => 0,
            (Some(b'*'), Some(args)) if self.args == 0 => {
                self.args = args as u64;
                0
            }
            (Some(b'$'), Some(length)) if self.args > 0 => {
                self.bytes = length.saturating_add(2);
                0
            }
            // An inline command, or something that no server understands.
            _ => {
                self.args = 0;
                1
            }
        }
    }

    fn end_argument(&mut self) -> u64 {
        self.args = self.args.saturating_sub(1);
        u64::from(self.args == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b"*1\r\n$4\r\nPING\r\nPING\r\n\r\n*2\r\n$3\r\nGET\r\n$8\r\n*1\r\n$1\r\n\r\n*0\r\n*1\r\n$0\r\n\r\n";

    #[test]
    fn requests_are_counted_however_the_stream_is_cut() {
        assert_eq!(RequestCounter::default().feed(STREAM), 4);
        for size in 1..STREAM.len() {
            let mut counter = RequestCounter::default();
            let requests: u64 = STREAM.chunks(size).map(|piece| counter.feed(piece)).sum();
            assert_eq!(requests, 4, "{size}");
        }
    }

    #[test]
    fn a_request_counts_at_its_end() {
        let (most, last) = STREAM.split_at(STREAM.len() - 1);
        let mut counter = RequestCounter::default();
        assert_eq!(counter.feed(most), 3);
        assert_eq!(counter.feed(last), 1);
    }

    #[test]
    fn nonsense_is_taken_by_its_lines() {
        let mut counter = RequestCounter::default();
        assert_eq!(counter.feed(b"*x\r\n*-1\n\xff\xfe\n"), 3);
        assert_eq!(counter.feed(&[b'a'; 100_000]), 0);
        assert_eq!(counter.feed(b"\n"), 1);
    }
}
