//! An authority that signs the certificates of tests.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, Error, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// The names by which a server on this machine is reached.
const SERVER_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// An authority, which only those trust who are given its certificate.
pub(super) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, as PEM.
pub(super) struct Identity {
    /// The certificate.
    pub(super) cert_pem: String,
    /// The certificate's private key.
    pub(super) key_pem: String,
}

/// How long a server's certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    /// For longer than a test runs.
    Good,
    /// Until a day that is gone.
    Expired,
}

impl Authority {
    /// Makes an authority with a key of its own.
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// Returns the authority's certificate.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs the certificate of a server on this machine.
    pub(super) fn server(&self, validity: Validity) -> Result<Identity, Error> {
        let mut params = CertificateParams::new(SERVER_NAMES.map(str::to_owned))?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if validity == Validity::Expired {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        self.sign(params, "test server")
    }

    /// Signs the certificate of a client.
    pub(super) fn client(&self) -> Result<Identity, Error> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, "test client")
    }

    fn sign(&self, mut params: CertificateParams, name: &str) -> Result<Identity, Error> {
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Identity {
            cert_pem: params.signed_by(&key, &self.issuer)?.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}
