use std::fmt;

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::hex::Hex;

/// Digests of texts under a secret, for identifiers that are secrets themselves, such as API keys.
///
/// A digest stands in the place of the text: in a key on a server, in an error, in a log. Who reads
/// it there learns nothing of the text, and cannot find it by guessing without the secret.
///
/// It is the first half of the HMAC-SHA256 of the text (RFC 2104, FIPS 180-4): 128 bits, so two texts
/// never have the same one. The secret is any bytes; take 16 random ones or more. All processes that
/// share a store share the secret: under another one every identifier is another one, and begins with
/// fresh quota.
///
/// ```
/// use fastlimit::{KeyedDigest, MemoryStore, Policy, RateLimiter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let policy = Policy::new("api", "100/minute")?;
/// // From where the service keeps its secrets.
/// let digests = KeyedDigest::new("5cd5ee16d0d41abba3cb41f1fcd26dd7");
///
/// let identifier = digests.digest("sk-live-42");
/// assert_eq!(identifier, "623105acae2682a4e972f9fb4b765af8"); // 32 digits, lower case
/// assert!(limiter.check(&identifier, &policy).await?.is_allowed());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeyedDigest {
    /// Keyed, and fed with nothing yet.
    mac: Hmac<Sha256>,
}

impl KeyedDigest {
    /// Creates digests under a secret: any bytes, of which 16 random ones or more make it one.
    #[must_use]
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        // As HMAC does itself where it is given a secret of any length: a long one is digested, a
        // short one filled up with zeros. With one of its own length it cannot fail.
        let mut block = Key::<Hmac<Sha256>>::default();
        let digested;
        let bytes = if secret.len() > block.len() {
            digested = Sha256::digest(secret);
            digested.as_slice()
        } else {
            secret
        };
        for (place, byte) in block.iter_mut().zip(bytes) {
            *place = *byte;
        }
        Self {
            mac: Hmac::new(&block),
        }
    }

    /// Returns the digest of a text: 32 hexadecimal digits in lower case.
    #[must_use]
    pub fn digest(&self, text: &str) -> String {
        Hex(&self.bytes(text)).to_string()
    }

    /// Returns the bytes of the digest of a text.
    #[must_use]
    pub fn bytes(&self, text: &str) -> [u8; 16] {
        let mut mac = self.mac.clone();
        mac.update(text.as_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut half = [0; 16];
        for (place, byte) in half.iter_mut().zip(whole) {
            *place = byte;
        }
        half
    }
}

impl fmt::Debug for KeyedDigest {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedDigest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1, 2, 6 and 7: short secrets, and ones longer than a block.
    #[test]
    fn it_is_the_first_half_of_hmac_sha256() {
        let long = [0xaa; 131];
        for (secret, text, expected) in [
            (
                &[0x0b; 20][..],
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b",
            ),
            (
                b"Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c7",
            ),
            (
                &long,
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f",
            ),
            (
                &long,
                "This is a test using a larger than block-size key and a larger than block-size \
                 data. The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944",
            ),
        ] {
            assert_eq!(KeyedDigest::new(secret).digest(text), expected);
        }
    }

    #[test]
    fn a_secret_as_long_as_a_block_is_taken_as_it_is() {
        let secret = [7; 64];
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(b"text");
        let whole = mac.finalize().into_bytes();
        assert_eq!(KeyedDigest::new(secret).bytes("text"), whole[..16]);
    }

    #[test]
    fn its_debug_shows_nothing() {
        let digests = KeyedDigest::new("hunter2");
        assert_eq!(format!("{digests:?}"), "KeyedDigest { .. }");
    }
}
