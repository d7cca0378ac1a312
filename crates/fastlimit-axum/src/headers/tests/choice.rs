//! Which fields are written, replaced and left alone.

use super::*;

#[test]
fn fields_of_a_handler_stay_and_those_of_an_inner_layer_do_not() {
    let charges = [charged("users", "5/second", 0, &[allowed(4, 10)], false)];
    let both = Headers::from([HeaderFamily::XRateLimit, HeaderFamily::Draft11]);
    let others = || {
        let mut fields = HeaderMap::new();
        fields.insert("ratelimit-policy", "few".parse().unwrap());
        fields.insert("ratelimit-limit", "7".parse().unwrap());
        fields.insert("content-type", "text/plain".parse().unwrap());
        fields
    };

    let mut fields = others();
    let written = both.write(&charges, Headers::none(), &mut fields);
    assert_eq!(written, HeaderFamily::XRateLimit.into());
    assert_eq!(fields["ratelimit-policy"], "few");
    assert!(!fields.contains_key("ratelimit"));
    assert_eq!(fields["x-ratelimit-limit"], "5");
    assert_eq!(fields["ratelimit-limit"], "7");

    let mut fields = others();
    let inside = Headers::from([HeaderFamily::Draft11]);
    assert_eq!(both.write(&charges, inside, &mut fields), both);
    assert_eq!(fields["ratelimit-policy"], r#""users";q=5;w=1"#);
    assert_eq!(fields["ratelimit-limit"], "7");
    assert_eq!(fields["content-type"], "text/plain");
}

#[test]
fn of_families_with_the_same_fields_the_last_is_sent() {
    use HeaderFamily::{Draft03, XRateLimit, XRateLimitEpoch};

    let charges = [charged(
        "users",
        "5/second",
        7_000,
        &[allowed(4, 1_000)],
        false,
    )];
    for (families, expected) in [
        (Headers::from([XRateLimit, Draft03, XRateLimitEpoch]), 8),
        (Headers::from([XRateLimitEpoch, XRateLimit]), 1),
        (Headers::default(), 1),
    ] {
        let fields = written(families, &charges);
        assert_eq!(number(&fields, "x-ratelimit-reset"), expected);
    }
    assert_eq!(Headers::from([XRateLimit, XRateLimit]), Headers::default());
    assert_eq!(Headers::from([]), Headers::none());
}
