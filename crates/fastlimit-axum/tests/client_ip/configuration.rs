use axum::http::Request;
use fastlimit_axum::key::Key;
use fastlimit_axum::{ClientIp, Rejection, TrustedProxies};

#[test]
fn prefixes_that_do_not_exist_are_refused() {
    for bits in [0, 129, 255] {
        let error = ClientIp::peer().ipv6_prefix(bits).unwrap_err();
        assert!(error.to_string().contains(&bits.to_string()), "{error}");
    }
}

#[test]
#[should_panic(expected = "`x real ip` cannot be the name of a header")]
fn a_name_that_no_header_has_is_told_when_the_key_is_built() {
    let _ = ClientIp::peer().header("x real ip");
}

#[test]
fn a_request_without_a_connection_has_no_client_whoever_is_trusted() {
    let request = Request::builder().header("x-forwarded-for", "203.0.113.9");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    for client in [
        ClientIp::peer(),
        ClientIp::hops(1),
        ClientIp::behind(TrustedProxies::private()),
    ] {
        let rejection = client.key(&parts).unwrap_err();
        assert!(matches!(rejection, Rejection::MissingClientAddress));
    }
}
