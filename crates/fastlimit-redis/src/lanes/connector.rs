use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_redis::{Connection, Manager, Pool, PoolError, Runtime};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, PushInfo, PushKind, RedisError, ServerError, Value};

use super::Lane;
use crate::ConnectError;
use crate::endpoint::Endpoint;
use crate::{failure, script};

/// Requests that may wait in front of a connection before callers queue for a place there.
const REQUESTS_IN_FRONT: usize = 10_000;

/// Opens lanes, through the pool.
pub(crate) struct Connector {
    pool: Pool,
    endpoint: Endpoint,
    timeout: Duration,
    ends: Ends,
}

/// Counts the connections of a store that ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends(Arc<AtomicUsize>);

impl Ends {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    fn count_one(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

impl Connector {
    pub(crate) fn new(
        endpoint: Endpoint,
        connect_timeout: Duration,
        response_timeout: Duration,
        lanes: usize,
    ) -> Result<Self, ConnectError> {
        let ends = Ends::default();
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_timeout))
            .set_response_timeout(Some(response_timeout))
            .set_pipeline_buffer_size(REQUESTS_IN_FRONT);
        if endpoint.tells_of_ends() {
            let ends = ends.clone();
            config = config.set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    ends.count_one();
                }
                Ok::<_, Infallible>(())
            });
        }
        let manager = Manager::new_with_config(endpoint.info().clone(), config)
            .map_err(|error| refused(&endpoint, error))?;
        let pool = Pool::builder(manager)
            .max_size(lanes)
            .wait_timeout(Some(connect_timeout))
            .create_timeout(Some(connect_timeout))
            .recycle_timeout(Some(connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|_| ConnectError::NoRuntime)?;
        Ok(Self {
            pool,
            endpoint,
            timeout: connect_timeout,
            ends,
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How long a connection may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Opens a lane, driven by the current runtime.
    pub(super) async fn open(&self) -> Result<Lane, ConnectError> {
        // Before connecting, so that an end is never missed.
        let ended = self.ends.count();
        let connection = self.pool.get().await.map_err(|error| self.error(error))?;
        // Out of the pool for good: a lane that is lost must not come back.
        let mut connection = Connection::take(connection);
        let has_msetex = self.ask_for_msetex(&mut connection).await?;
        let ends = self.ends.clone();
        Ok(Lane::new(connection, has_msetex, ends, ended))
    }

    /// Finds out whether the server of a connection has `MSETEX`. A server that does not answer
    /// the question in the way of Redis is taken to have none.
    async fn ask_for_msetex(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<bool, ConnectError> {
        let mut ask = Cmd::new();
        ask.arg("EVAL").arg(script::HAS_MSETEX).arg(0);
        match connection.send_packed_command(&ask).await {
            Ok(reply) => Ok(reply == Value::Int(1)),
            Err(error) if error.is_io_error() || error.is_timeout() => {
                Err(self.error(PoolError::Backend(error)))
            }
            Err(_) => Ok(false),
        }
    }

    pub(super) fn timed_out(&self) -> ConnectError {
        ConnectError::TimedOut {
            address: self.endpoint.to_string(),
            timeout: self.timeout,
            stage: crate::ConnectStage::Login,
        }
    }

    fn error(&self, error: PoolError) -> ConnectError {
        match error {
            PoolError::Timeout(_) => self.timed_out(),
            PoolError::Backend(error) if error.is_timeout() => self.timed_out(),
            PoolError::Backend(error) if failure::is_word_of_server(&error) => {
                refused(&self.endpoint, error)
            }
            PoolError::Backend(source) => ConnectError::Unreachable {
                address: self.endpoint.to_string(),
                source,
            },
            // The store neither closes its pool nor has it without a runtime, nor sets hooks.
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                ConnectError::NoRuntime
            }
        }
    }
}

/// What the server said, without what it repeats of the URL.
fn refused(endpoint: &Endpoint, error: RedisError) -> ConnectError {
    let reason = match ServerError::try_from(error) {
        Ok(error) => failure::text(&error),
        Err(error) => error.to_string(),
    };
    ConnectError::Refused {
        address: endpoint.to_string(),
        reason: endpoint.without_password(&reason),
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
