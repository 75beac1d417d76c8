//! An origin that does what the test says, and remembers what it was asked.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

/// A request that arrived, with its whole body.
pub(crate) type Asked = Request<Bytes>;

/// Lets answers through, one for each permit.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn open(&self, answers: usize) {
        self.0.add_permits(answers);
    }
}

/// A running origin; ends when dropped, with all its connections.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Origin {
    /// Answers with what `answer` returns.
    pub(crate) async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Asked) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Full<Bytes>>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                        let request = Request::from_parts(head, body);
                        if request.uri().path() != "/healthz" {
                            log.lock().unwrap().push(request.clone());
                        }
                        Ok::<_, Infallible>(answer(request).await)
                    }
                });
                connections
                    .spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
            }
        });
        Self { address, asked, task }
    }

    /// Answers everything with one body and these fields.
    pub(crate) async fn fixed(body: &'static str, fields: &'static [(&'static str, &'static str)]) -> Self {
        Self::start(move |_| async move { response(200, body, fields) }).await
    }

    /// Answers each request once the gate lets one through.
    pub(crate) async fn gated(body: &'static str, fields: &'static [(&'static str, &'static str)]) -> (Self, Gate) {
        let gate = Gate(Arc::new(Semaphore::new(0)));
        let inner = gate.clone();
        let origin = Self::start(move |_| {
            let gate = inner.clone();
            async move {
                gate.0.acquire().await.unwrap().forget();
                response(200, body, fields)
            }
        });
        (origin.await, gate)
    }

    /// What it was asked so far, health checks aside.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with a status, a body and these fields.
pub(crate) fn response(status: u16, body: impl Into<Bytes>, fields: &[(&str, &str)]) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body.into())).unwrap()
}
