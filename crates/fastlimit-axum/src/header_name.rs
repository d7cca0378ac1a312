use axum::http::HeaderName;

/// Returns the name of a header, in any case, that stands in the user's program.
///
/// # Panics
///
/// If it is none: a limit that no request could meet is told when it is built.
#[track_caller]
#[expect(clippy::panic, reason = "no input and no server gets here")]
pub(crate) fn parse(name: &'static str) -> HeaderName {
    match HeaderName::try_from(name) {
        Ok(name) => name,
        Err(_) => panic!("`{name}` cannot be the name of a header"),
    }
}
