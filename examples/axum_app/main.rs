//! A web service with rate limits: by client address, by user, by API key in tiers, by cost.
//!
//! ```console
//! cargo run --example axum_app                                        # limits in memory
//! cargo run --example axum_app -- --redis redis://127.0.0.1/          # limits in Redis
//!
//! curl -i localhost:3000/api/users                                    # 100/minute by address
//! curl -i localhost:3000/api/user/42                                  # 1000/hour by user
//! curl -i -H 'X-API-Key: free-key' localhost:3000/api/data            # 10/minute in this tier
//! curl -i -X POST -H 'X-Premium: yes' localhost:3000/api/expensive    # costs 10 of 100/minute
//! curl -i localhost:3000/api/search                                   # 5 in 30 s
//!
//! curl 'localhost:3001/usage?policy=free&tenant=free&key=free-key'
//! curl -X POST 'localhost:3001/reset?policy=free&tenant=free&key=free-key'
//! ```

mod admin;
mod api;
mod policies;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use fastlimit::{MemoryStore, RateLimiter, RedisStore};
use tokio::net::TcpListener;

use policies::Policies;

/// A web service with rate limits.
#[derive(Parser)]
struct Options {
    /// Where clients connect
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// Where the operator connects: health, usage, reset
    #[arg(long, default_value = "127.0.0.1:3001")]
    admin_listen: SocketAddr,

    /// The Redis that keeps the limits, in place of the memory of this process
    // The URL may hold a password, which has no place in `--help`.
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let limiter = match options.redis {
        Some(url) => RateLimiter::new(RedisStore::connect(url).await?),
        None => {
            tracing::warn!("no Redis given: the limits are kept in memory, for this process alone");
            RateLimiter::new(MemoryStore::new())
        }
    };
    let policies = Policies::new()?;
    let api = api::router(limiter.clone(), policies.clone());
    let admin = admin::router(limiter, policies);

    let listener = TcpListener::bind(options.listen).await?;
    let admin_listener = TcpListener::bind(options.admin_listen).await?;
    tracing::info!("serving on http://{}", listener.local_addr()?);
    tracing::info!("admin on http://{}", admin_listener.local_addr()?);

    // The limits by address need to know the address.
    let api = api.into_make_service_with_connect_info::<SocketAddr>();
    tokio::try_join!(
        axum::serve(listener, api).with_graceful_shutdown(until_told_to_stop("api")),
        axum::serve(admin_listener, admin).with_graceful_shutdown(until_told_to_stop("admin")),
    )?;
    Ok(())
}

/// Waits for ctrl-c, or the SIGTERM of a service manager.
async fn until_told_to_stop(server: &str) {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
    }
    tracing::info!(server, "finishing what is in flight");
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
