use std::fmt;

use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    parse_redis_url,
};

use crate::ConnectError;

/// The server that a URL names. Its text is the URL without the password.
#[derive(Clone)]
pub(crate) struct Endpoint {
    info: ConnectionInfo,
}

impl Endpoint {
    /// Reads a URL. The errors tell nothing of it, since its parts cannot be told apart.
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        let Some(mut url) = parse_redis_url(url) else {
            return Err(invalid("it cannot be parsed"));
        };
        let names_protocol = url.query_pairs().any(|(name, _)| name == "protocol");
        let is_tls = matches!(url.scheme(), "rediss" | "valkeys");
        if is_tls && !cfg!(feature = "tls-rustls") {
            let host = url.host_str().unwrap_or_default();
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            let address = format!("{}://{host}{port}", url.scheme());
            return Err(ConnectError::TlsDisabled { address });
        }
        if is_tls {
            if url.fragment().is_some() {
                return Err(invalid("with TLS it takes no fragment, such as #insecure"));
            }
            // The client has no TLS of its own.
            if url.set_scheme("redis").is_err() {
                return Err(invalid("its scheme does not fit the rest"));
            }
        }
        let info = url.into_connection_info().map_err(|error| {
            // What comes before the dash is the client's own text, what comes after may be the
            // URL's.
            let text = error.to_string();
            invalid(text.split(" - ").next().unwrap_or_default())
        })?;
        let mut redis = info.redis_settings().clone().set_skip_set_lib_name();
        if !names_protocol {
            // With it the client is told when the server closes a connection.
            redis = redis.set_protocol(ProtocolVersion::RESP3);
        }
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) if is_tls => tls_address(host, *port),
            address => address.clone(),
        };
        Ok(Self {
            info: info.set_redis_settings(redis).set_addr(address),
        })
    }

    /// Another server, with the same login, database, protocol and TLS: one that a cluster or a
    /// Sentinel names.
    pub(crate) fn at(&self, host: &str, port: u16) -> Self {
        let address = if self.is_tls() {
            tls_address(host, port)
        } else {
            ConnectionAddr::Tcp(host.to_owned(), port)
        };
        Self {
            info: self.info.clone().set_addr(address),
        }
    }

    /// The same server with another login and database.
    pub(crate) fn with_login(
        &self,
        username: Option<&str>,
        password: Option<&str>,
        database: i64,
    ) -> Self {
        let mut redis = RedisConnectionInfo::default()
            .set_protocol(self.redis_settings().protocol())
            .set_skip_set_lib_name()
            .set_db(database);
        if let Some(username) = username {
            redis = redis.set_username(username);
        }
        if let Some(password) = password {
            redis = redis.set_password(password);
        }
        Self {
            info: self.info.clone().set_redis_settings(redis),
        }
    }

    /// Where the server is: TCP, TLS or a Unix socket.
    pub(crate) fn address(&self) -> &ConnectionAddr {
        self.info.addr()
    }

    /// The name or address of the server's host; empty with a Unix socket.
    pub(crate) fn host(&self) -> &str {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
            _ => "",
        }
    }

    /// Whether TLS is asked for.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.info.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// Login, database and protocol.
    pub(crate) fn redis_settings(&self) -> &RedisConnectionInfo {
        self.info.redis_settings()
    }

    /// Takes the password out of a text in which it stands in quotation marks, as where a server
    /// repeats an argument. Elsewhere it is a word like any other.
    pub(crate) fn without_password(&self, text: &str) -> String {
        let Some(password) = self.redis_settings().password() else {
            return text.to_owned();
        };
        let mut text = text.to_owned();
        if !password.is_empty() {
            for mark in ['\'', '"', '`'] {
                let quoted = format!("{mark}{password}{mark}");
                text = text.replace(&quoted, &format!("{mark}***{mark}"));
            }
        }
        text
    }
}

/// A place that is reached by TLS, with names that are checked.
fn tls_address(host: &str, port: u16) -> ConnectionAddr {
    ConnectionAddr::TcpTls {
        host: host.to_owned(),
        port,
        insecure: false,
        tls_params: None,
    }
}

/// The error of a URL.
fn invalid(reason: &str) -> ConnectError {
    ConnectError::InvalidUrl {
        reason: reason.to_owned(),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redis = self.info.redis_settings();
        let (scheme, host, port) = match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => ("redis", host, port),
            ConnectionAddr::TcpTls { host, port, .. } => ("rediss", host, port),
            unix => return write!(f, "redis+unix://{unix}"),
        };
        write!(f, "{scheme}://")?;
        let password = redis.password().map_or("", |_| ":***");
        match redis.username() {
            Some(username) => write!(f, "{username}{password}@")?,
            None if !password.is_empty() => write!(f, "{password}@")?,
            None => {}
        }
        if host.contains(':') {
            write!(f, "[{host}]:{port}")?;
        } else {
            write!(f, "{host}:{port}")?;
        }
        match redis.db() {
            0 => Ok(()),
            database => write!(f, "/{database}"),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(url: &str) -> String {
        Endpoint::parse(url).unwrap().to_string()
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, text) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379"),
            ("redis://127.0.0.1:7000/3", "redis://127.0.0.1:7000/3"),
            ("redis://[::1]:7000", "redis://[::1]:7000"),
            ("redis://ada:pw@host/", "redis://ada:***@host:6379"),
            ("redis://:pw@host", "redis://:***@host:6379"),
            ("redis://ada@host", "redis://ada@host:6379"),
            ("redis://a%40b:p%77@host", "redis://a@b:***@host:6379"),
            ("unix:///run/r.sock?pass=pw", "redis+unix:///run/r.sock"),
            ("redis+unix:///run/r.sock", "redis+unix:///run/r.sock"),
        ] {
            assert_eq!(shown(url), text);
            assert_eq!(format!("{:?}", Endpoint::parse(url).unwrap()), text);
        }
    }

    #[test]
    fn resp3_is_spoken_unless_the_url_says_otherwise() {
        for (url, protocol) in [
            ("redis://host", ProtocolVersion::RESP3),
            ("unix:///run/r.sock", ProtocolVersion::RESP3),
            ("redis://host?protocol=resp3", ProtocolVersion::RESP3),
            ("redis://host?protocol=resp2", ProtocolVersion::RESP2),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.redis_settings().protocol(), protocol, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_repeated() {
        for url in [
            "",
            "hunter2",
            "http://ada:hunter2@host",
            "redis://ada:hunter2@",
            "redis://:hunter2",
            "redis://ada:hunter2@host:port",
            "redis://ada:hunter2@host/zero",
            "redis://ada:hunter2@0.0.0.0",
            "redis://host?protocol=hunter2",
            "redis://ada:hunter2@host:99999",
            "redis://ada:%ff@host",
        ] {
            let error = Endpoint::parse(url).unwrap_err();
            assert!(matches!(error, ConnectError::InvalidUrl { .. }), "{url}");
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(!text.contains("hunter2"), "{text}");
                assert!(!text.contains("%ff"), "{text}");
            }
        }
    }

    #[test]
    fn another_server_keeps_login_database_and_protocol() {
        let named = Endpoint::parse("redis://ada:pw@host/3?protocol=resp2").unwrap();
        let other = named.at("fe80::1", 7000);
        assert_eq!(other.to_string(), "redis://ada:***@[fe80::1]:7000/3");
        assert_eq!(other.redis_settings().password(), Some("pw"));
        assert_eq!(other.redis_settings().protocol(), ProtocolVersion::RESP2);
        let bare = other.with_login(None, None, 0);
        assert_eq!(bare.to_string(), "redis://[fe80::1]:7000");
        assert_eq!(bare.redis_settings().password(), None);
        assert_eq!(bare.redis_settings().protocol(), ProtocolVersion::RESP2);
        let logged_in = bare.with_login(Some("bob"), Some("secret"), 1);
        assert_eq!(logged_in.to_string(), "redis://bob:***@[fe80::1]:7000/1");
        let socket = Endpoint::parse("unix:///run/r.sock").unwrap();
        assert_eq!(socket.at("host", 1).to_string(), "redis://host:1");
    }

    #[cfg(feature = "tls-rustls")]
    #[test]
    fn tls_is_remembered() {
        for scheme in ["rediss", "valkeys"] {
            let endpoint = Endpoint::parse(&format!("{scheme}://ada:pw@host/1")).unwrap();
            assert!(endpoint.is_tls());
            assert_eq!(endpoint.to_string(), "rediss://ada:***@host:6379/1");
            let other = endpoint.at("10.0.0.1", 7000);
            assert_eq!(other.to_string(), "rediss://ada:***@10.0.0.1:7000/1");
        }
        assert!(!Endpoint::parse("redis://host").unwrap().is_tls());
        let error = Endpoint::parse("rediss://host#insecure").unwrap_err();
        assert!(error.to_string().contains("#insecure"), "{error}");
    }

    #[test]
    fn a_password_is_taken_out_where_it_is_repeated() {
        let endpoint = Endpoint::parse("redis://:PASS@host").unwrap();
        assert_eq!(
            endpoint.without_password("WRONGPASS what is 'PASS', `PASS` or \"PASS\"?"),
            "WRONGPASS what is '***', `***` or \"***\"?"
        );
    }

    #[cfg(not(feature = "tls-rustls"))]
    #[test]
    fn tls_without_the_feature_names_the_feature() {
        let error = Endpoint::parse("rediss://ada:hunter2@host:7000").unwrap_err();
        assert_eq!(
            error.to_string(),
            "rediss://host:7000 needs TLS: enable the feature `tls-rustls` of fastlimit-redis"
        );
    }

    proptest! {
        #[test]
        fn no_password_is_shown(password in "[a-z0-9%@:/?#é ]{1,12}", encode in any::<bool>()) {
            // Long enough not to be found by chance.
            let password = format!("Q{password}Z");
            let in_url = if encode {
                password.bytes().map(|byte| format!("%{byte:02x}")).collect()
            } else {
                password.clone()
            };
            let url = format!("redis://ada:{in_url}@host:7000/1");
            let text = match Endpoint::parse(&url) {
                Ok(endpoint) => format!("{endpoint} {endpoint:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!text.contains(&password) && !text.contains(&in_url), "{}", text);
        }
    }
}
