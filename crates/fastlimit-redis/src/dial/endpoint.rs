use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, parse_redis_url};

use crate::ConnectError;

/// The server that a URL names. Its text is the URL without the password.
#[derive(Clone)]
pub(crate) struct Endpoint {
    info: ConnectionInfo,
}

impl Endpoint {
    /// Reads a URL. The errors tell nothing of it, since its parts cannot be told apart.
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        let Some(url) = parse_redis_url(url) else {
            return Err(invalid("it cannot be parsed"));
        };
        let names_protocol = url.query_pairs().any(|(name, _)| name == "protocol");
        if !cfg!(feature = "tls-rustls") && matches!(url.scheme(), "rediss" | "valkeys") {
            let host = url.host_str().unwrap_or_default();
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            let address = format!("{}://{host}{port}", url.scheme());
            return Err(ConnectError::TlsDisabled { address });
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
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        Ok(Self {
            info: info.set_redis_settings(redis).set_tcp_settings(tcp),
        })
    }

    pub(crate) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Whether the client is told when a connection ends.
    pub(crate) fn tells_of_ends(&self) -> bool {
        self.info.redis_settings().protocol() == ProtocolVersion::RESP3
    }

    /// Takes the password out of a text: a server may repeat a command that it does not know,
    /// with its arguments.
    pub(crate) fn without_password(&self, text: &str) -> String {
        match self.info.redis_settings().password() {
            Some(password) if !password.is_empty() => text.replace(password, "***"),
            _ => text.to_owned(),
        }
    }
}

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
        for (url, tells) in [
            ("redis://host", true),
            ("unix:///run/r.sock", true),
            ("redis://host?protocol=resp3", true),
            ("redis://host?protocol=resp2", false),
        ] {
            assert_eq!(
                Endpoint::parse(url).unwrap().tells_of_ends(),
                tells,
                "{url}"
            );
        }
    }

    #[test]
    fn the_settings_that_speed_hangs_on_are_on() {
        let endpoint = Endpoint::parse("redis://host").unwrap();
        assert!(endpoint.info().tcp_settings().nodelay());
        assert!(endpoint.info().redis_settings().skip_set_lib_name());
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
