use std::time::Duration;

use fastlimit_core::{Cost, Decision, LimitStatus, Policy, Timestamp};
use serde_json::{Value, json};

use super::*;

/// A charge under one limit, denied or not.
fn charged(name: &str, limit: &str, denied: bool) -> Charged {
    let policy = Policy::new(name, limit).unwrap();
    let (limit, second) = (policy.limits()[0], Duration::from_secs(1));
    let status = match denied {
        true => LimitStatus::denied(limit, Cost::ZERO, second, Some(second)),
        false => LimitStatus::allowed(limit, Cost::ONE, second),
    };
    let decision = Decision::new(Timestamp::EPOCH, Timestamp::EPOCH, [status]);
    Charged::new(policy, decision, None)
}

#[test]
fn of_several_subjects_the_one_that_refused_is_named() {
    let charges = [
        charged("address", "9/second", false),
        charged("user", "5/second", true),
        charged("everybody", "99/second", true),
    ];
    let body: Value = serde_json::from_str(&json::denied(&charges[1], Some(1))).unwrap();
    assert_eq!(
        body,
        json!({
            "error": "rate_limit_exceeded",
            "message": "rate limit of 5/second exceeded; retry after 1 s",
            "retry_after": 1,
            "limit": "5/second",
            "policy": "user",
        })
    );
    let body: Value =
        serde_json::from_str(&problem::denied(&charges, &charges[2], Some(1))).unwrap();
    assert_eq!(body["violated-policies"], json!(["user", "everybody"]));
    assert_eq!(
        body["detail"],
        "rate limit of 99/second exceeded; retry after 1 s"
    );
}

#[test]
fn a_message_is_the_text_of_the_denial() {
    for wait in [None, Some(1), Some(40)] {
        let charged = charged("users", "5/second burst 7 token-bucket", true);
        let retry_after = wait.map(Duration::from_secs);
        let limit = charged.policy().limits()[0];
        let status = LimitStatus::denied(limit, Cost::ZERO, Duration::ZERO, retry_after);
        let decision = Decision::new(Timestamp::EPOCH, Timestamp::EPOCH, [status]);
        let message = Message::of(&charged, wait).to_string();
        assert_eq!(message, decision.into_result().unwrap_err().to_string());
    }
}

#[test]
fn failures_are_told_in_each_form() {
    let http = [DenialBody::Json, DenialBody::Problem].map(Form::Http);
    for form in http {
        assert_eq!(form.unavailable(Some(3)).status(), 503);
        assert_eq!(form.unavailable(Some(3)).headers()["retry-after"], "3");
        assert!(!form.unavailable(None).headers().contains_key("retry-after"));
        assert_eq!(form.misconfigured().status(), 500);
    }
    let problem: Value = serde_json::from_str(&problem::unavailable(Some(3))).unwrap();
    let kind = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";
    assert_eq!(problem["type"], kind);
    assert_eq!(
        (&problem["status"], &problem["retry-after"]),
        (&json!(503), &json!(3))
    );

    let response = Form::Grpc.unavailable(Some(3));
    let fields = ["grpc-status", "grpc-retry-pushback-ms", "retry-after"];
    assert_eq!(
        fields.map(|name| &response.headers()[name]),
        ["14", "3000", "3"]
    );
    // Without a wait the client's own back-off holds.
    let response = Form::Grpc.unavailable(None);
    assert!(!response.headers().contains_key("grpc-retry-pushback-ms"));
    let response = Form::Grpc.misconfigured();
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["grpc-status"]
        ),
        (200, &HeaderValue::from_static("13"))
    );
}
