use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::client::{Answer, Send};

/// A server on a free port, which ends with the test.
pub(crate) struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async { axum::serve(listener, service).await });
        let task = task.abort_handle();
        Self { address, task }
    }

    pub(crate) async fn start_without_connect_info(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async { axum::serve(listener, app).await }).abort_handle();
        Self { address, task }
    }

    /// For clients that connect by themselves.
    #[allow(dead_code, reason = "the tests of protocols have such clients")]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn request(&self, method: &'static str, path: &str) -> Send {
        Send::new(self.address, method, path)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    /// Gets `/` with one header.
    pub(crate) async fn get_with(&self, name: &'static str, value: &str) -> Answer {
        self.request("GET", "/").header(name, value).send().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
