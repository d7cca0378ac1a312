//! The 128 bits that stand for a part of a key when it is hashed: a limiter's prefix and a
//! policy's name are digested once and not with every request.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::BitXor;
use std::sync::LazyLock;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::DEFAULT_PART;

/// What a text is to a key. In each role a text has another digest.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Prefix,
    Policy,
    Tenant,
}

/// The digest of a part of a key, or of several.
///
/// The digest of a part is SipHash-1-3 with 128 bits under a key of this process. So the digest
/// of several parts may be the xor of theirs: the parts that differ between two keys contribute
/// random bits, and two keys have the same digest with a probability of 2^-128.
#[derive(Clone, Copy)]
pub(super) struct Digest([u64; 2]);

/// A hasher with a key that is drawn once per process.
static KEYED: LazyLock<SipHasher13> = LazyLock::new(|| {
    let random = RandomState::new();
    SipHasher13::new_with_keys(random.hash_one(0), random.hash_one(1))
});

static DEFAULT_TENANT: LazyLock<Digest> = LazyLock::new(|| Digest::new(Role::Tenant, DEFAULT_PART));

impl Digest {
    pub(super) fn new(role: Role, text: &str) -> Self {
        let mut hasher = *KEYED;
        hasher.write_u8(match role {
            Role::Prefix => 0,
            Role::Policy => 1,
            Role::Tenant => 2,
        });
        hasher.write(text.as_bytes());
        let (a, b) = hasher.finish128().as_u64();
        Self([a, b])
    }

    #[inline]
    pub(super) fn of_default_tenant() -> Self {
        *DEFAULT_TENANT
    }

    #[inline]
    pub(super) fn write_to(self, hasher: &mut impl Hasher) {
        let Self([a, b]) = self;
        hasher.write_u64(a);
        hasher.write_u64(b);
    }
}

impl BitXor for Digest {
    type Output = Self;

    #[inline]
    fn bitxor(self, other: Self) -> Self {
        let (Self([a, b]), Self([c, d])) = (self, other);
        Self([a ^ c, b ^ d])
    }
}
