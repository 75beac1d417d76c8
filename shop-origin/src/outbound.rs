//! Calls to other programs over plain HTTP, each with a deadline and a bounded answer.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const DEADLINE: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A client whose connections are used again.
#[derive(Clone)]
pub(crate) struct Outbound {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Late,
    #[error("answered with status {0}")]
    Refused(u16),
    #[error("could not be reached: {0}")]
    Unreachable(String),
}

impl Outbound {
    pub(crate) fn new() -> Outbound {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Outbound { client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Posts JSON; returns the body of a 2xx answer.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Bytes, Error> {
        let mut request = Request::post(url).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::from(body)).map_err(|error| Error::Unreachable(error.to_string()))?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| Error::Unreachable(error.to_string()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| Error::Unreachable(error.to_string()))?.to_bytes();
            if status.is_success() { Ok(body) } else { Err(Error::Refused(status.as_u16())) }
        };
        tokio::time::timeout(DEADLINE, exchange).await.unwrap_or(Err(Error::Late))
    }
}

/// `http://host[:port]` or `https://host[:port]`: where another program, or this one seen from outside, begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base(String);

impl Base {
    /// `path` begins with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Base, String> {
        let wrong = || format!("{text:?} is not http://host[:port] or https://host[:port]");
        let uri: Uri = text.parse().map_err(|_not_a_uri| wrong())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https")).ok_or_else(wrong)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        match uri.path_and_query().map(|rest| rest.as_str()) {
            None | Some("" | "/") => Ok(Base(format!("{scheme}://{authority}").to_ascii_lowercase())),
            Some(_) => Err(wrong()),
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_an_origin_and_nothing_more() {
        let base = |text: &str| text.parse::<Base>().map(|base| base.0).ok();
        assert_eq!(base("https://LocalHost:8443/").as_deref(), Some("https://localhost:8443"));
        assert_eq!(base("http://[::1]:9190").as_deref(), Some("http://[::1]:9190"));
        for foreign in
            ["", "localhost", "ftp://a", "http://", "http://u@a", "http://a/b", "http://a?b", "/a", "http:// a"]
        {
            assert_eq!(base(foreign), None, "{foreign}");
        }
    }
}
