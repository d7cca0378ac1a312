//! Most are about axum. Each snippet is a program that the tests compile.

macro_rules! recipes {
    ($($(#[$attribute:meta])* $name:ident: $page:literal),+ $(,)?) => {
        $(
            $(#[$attribute])*
            #[doc = include_str!($page)]
            pub mod $name {}
        )+
    };
}

recipes! {
    #[doc(alias("proxy", "x-forwarded-for", "x-real-ip", "load balancer", "cloudflare"))]
    behind_a_proxy: "behind_a_proxy.md",
    #[doc(alias("database", "plan", "subscription", "quota per customer"))]
    tiers_from_a_database: "tiers_from_a_database.md",
    #[doc(alias("api key", "token", "secret"))]
    by_api_key: "by_api_key.md",
    #[doc(alias("login", "brute force", "password"))]
    failed_logins: "failed_logins.md",
    #[doc(alias("global limit", "all or nothing", "several keys"))]
    several_subjects: "several_subjects.md",
    #[doc(alias("health check", "skip", "allowlist", "whitelist", "cors"))]
    exemptions: "exemptions.md",
    #[doc(alias("fail open", "fail closed", "redis down", "outage"))]
    failing_open: "failing_open.md",
    #[doc(alias("shadow mode", "report only"))]
    dry_run: "dry_run.md",
    #[doc(alias("websocket", "sse", "server-sent events", "stream"))]
    messages_of_a_stream: "messages_of_a_stream.md",
    #[doc(alias("llm", "openai", "bytes", "bandwidth", "cost afterwards"))]
    tokens_of_a_model: "tokens_of_a_model.md",
    #[doc(alias("testing", "mock time", "manual clock"))]
    tests_with_a_clock: "tests_with_a_clock.md",
    #[doc(alias("integration test", "parallel tests", "shared redis"))]
    tests_on_one_redis: "tests_on_one_redis.md",
}
