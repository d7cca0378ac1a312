use std::net::SocketAddr;

use sfv::{Item, List, Parser};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request to be sent.
pub(crate) struct Send {
    server: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Send {
    pub(crate) fn new(server: SocketAddr, method: &'static str, path: &str) -> Self {
        Self {
            server,
            method,
            path: path.to_owned(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) async fn send(self) -> Answer {
        self.try_send().await.unwrap()
    }

    /// `None` if the server hangs up without an answer.
    pub(crate) async fn try_send(self) -> Option<Answer> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        let mut stream = TcpStream::connect(self.server).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        (!answer.is_empty()).then(|| Answer::parse(&answer))
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            assert_structured(name, value);
            (name.to_owned(), value.to_owned())
        });
        Self {
            status: status.parse().unwrap(),
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }

    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} came twice: {self:?}");
        value.map(|(_, value)| value.as_str())
    }

    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    pub(crate) fn limit(&self) -> Option<(u64, u64, u64)> {
        let number = |name| Some(self.header(name)?.parse::<u64>().unwrap());
        Some((
            number("x-ratelimit-limit")?,
            number("x-ratelimit-remaining")?,
            number("x-ratelimit-reset")?,
        ))
    }

    /// `X-RateLimit-Remaining`.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.limit().map(|(_, remaining, _)| remaining)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Reads a field as RFC 9651 says, if the drafts say that it is such a field.
fn assert_structured(name: &str, value: &str) {
    let read = match name {
        "ratelimit" | "ratelimit-policy" => Parser::new(value).parse::<List>().err(),
        "ratelimit-limit" | "ratelimit-remaining" | "ratelimit-reset" => {
            Parser::new(value).parse::<Item>().err()
        }
        _ => None,
    };
    assert!(read.is_none(), "{name}: {value}: {read:?}");
}
