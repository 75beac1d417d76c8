//! The origin of the objects.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use anyhow::Result;
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::objects::{Objects, tag};

/// Answers `/o/NUMBER` with what there is of the object now; runs until its runtime ends.
pub(super) async fn start(objects: Arc<Objects>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let objects = Arc::clone(&objects);
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let answer = answer(&objects, request.uri().path());
                async move { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
        }
    });
    Ok(address)
}

fn answer(objects: &Objects, path: &str) -> Response<Full<Bytes>> {
    let number = path.strip_prefix("/o/").and_then(|number| number.parse().ok());
    let Some(number) = number.filter(|number| *number < objects.count()) else {
        return Response::builder().status(404).body(Full::default()).expect("a valid answer");
    };
    let (version, body) = objects.answer(number);
    Response::builder()
        .header("cache-control", "max-age=3600, stale-if-error=3600")
        .header("etag", format!("\"{number}-{version}\""))
        .header("surrogate-key", tag(number))
        .header("x-version", version)
        .body(Full::new(body))
        .expect("a valid answer")
}
