use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::connect_error::ConnectError;

/// Why there is no TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TlsFault {
    /// A certificate is wrong, and how.
    Certificate(String),
    /// The other side does not speak it.
    NotSpoken,
    /// The connection broke.
    Lost { kind: io::ErrorKind, text: String },
}

impl TlsFault {
    /// What TLS found in the error of a stream, if it was TLS that failed.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
        Some(match error {
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => Self::Certificate(format!(
                "{error}; give the builder the certificate of the authority that signed the \
                 server's"
            )),
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Self::Certificate(error.to_string())
            }
            rustls::Error::AlertReceived(
                AlertDescription::CloseNotify
                | AlertDescription::InternalError
                | AlertDescription::UserCanceled,
            ) => return None,
            rustls::Error::AlertReceived(alert) => Self::Certificate(format!(
                "the server said {alert:?}; it may want a certificate of the client, another one, \
                 or other versions of TLS than 1.2 and 1.3"
            )),
            rustls::Error::PeerIncompatible(_) => Self::Certificate(error.to_string()),
            rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
                Self::NotSpoken
            }
            _ => return None,
        })
    }

    /// The error of a stream that broke while TLS was opened over it.
    pub(super) fn lost(error: &io::Error) -> Self {
        let text = match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => {
                "the server hung up during the TLS handshake; the URL of a port without TLS begins \
                 with redis://"
                    .to_owned()
            }
            _ => error.to_string(),
        };
        Self::Lost {
            kind: error.kind(),
            text,
        }
    }

    /// The error of an attempt that met this.
    pub(super) fn told_of(&self, address: String) -> ConnectError {
        match self {
            Self::Certificate(reason) => ConnectError::Certificate {
                address,
                reason: reason.clone(),
            },
            Self::NotSpoken => ConnectError::WrongServer {
                address,
                found: "a port without TLS",
                instead: "write redis:// instead of rediss://",
            },
            Self::Lost { kind, text } => {
                ConnectError::unreachable(address, io::Error::new(*kind, text.clone()))
            }
        }
    }
}
