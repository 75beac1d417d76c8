//! The request that is asked about.

use std::net::IpAddr;

use config::model::Config;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use pingora::http::RequestHeader;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::request::identify::join_cookies;

/// One request, as a client would send it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    method: Method,
    url: Uri,
    headers: HeaderMap,
    client: IpAddr,
    listener: Option<String>,
}

/// A question as text: what `edge explain` takes as arguments, and what it sends to a running edge.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Method; `GET` as a rule.
    pub(crate) method: String,
    /// `https://shop.example.com/product/7?page=2`
    pub(crate) url: String,
    /// Lines such as `accept: text/html`.
    pub(crate) headers: Vec<String>,
    /// The other end of the connection.
    pub(crate) client: IpAddr,
    /// The listener, where the URL does not say which.
    pub(crate) listener: Option<String>,
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub(crate) enum QuestionError {
    /// The method is no token.
    #[error("`{0}` is no method")]
    Method(String),
    /// Answered before anything is decided.
    #[error("CONNECT reaches no route: the edge is no forward proxy")]
    Connect,
    /// The URL is none.
    #[error("`{0}` is no URL; hint: write all of it, such as `https://shop.example.com/product/7`")]
    Url(String),
    /// A header line is none.
    #[error("`{0}` is no header line; hint: write `name: value`")]
    Header(String),
    /// No listener would get the request.
    #[error("no listener speaks {scheme} on port {port}; hint: --listener with one of {known}")]
    NoListener { scheme: String, port: u16, known: String },
    /// The URL does not fit the listener.
    #[error("the listener `{listener}` does not speak {scheme}")]
    OtherScheme { listener: String, scheme: String },
    /// No listener has this name.
    #[error("there is no listener `{name}`; known are {known}")]
    UnknownListener { name: String, known: String },
}

impl TryFrom<Asked> for Question {
    type Error = QuestionError;

    fn try_from(asked: Asked) -> Result<Self, QuestionError> {
        let method = Method::from_bytes(asked.method.as_bytes());
        let url = asked
            .url
            .parse::<Uri>()
            .ok()
            .filter(|url| url.authority().is_some() && matches!(url.scheme_str(), Some("http" | "https")));
        let mut headers = HeaderMap::new();
        for line in &asked.headers {
            let invalid = || QuestionError::Header(line.clone());
            let (name, value) = line.split_once(':').ok_or_else(invalid)?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_invalid| invalid())?;
            let value = HeaderValue::from_str(value.trim()).map_err(|_invalid| invalid())?;
            headers.append(name, value);
        }
        if method.as_ref().is_ok_and(|method| *method == Method::CONNECT) {
            return Err(QuestionError::Connect);
        }
        Ok(Self {
            method: method.map_err(|_invalid| QuestionError::Method(asked.method))?,
            url: url.ok_or(QuestionError::Url(asked.url))?,
            headers,
            client: asked.client,
            listener: asked.listener,
        })
    }
}

impl Question {
    /// The other end of the connection.
    pub(super) fn client(&self) -> IpAddr {
        self.client
    }

    /// Whether the client speaks TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.url.scheme_str() == Some("https")
    }

    /// The request header as the edge would see it.
    pub(super) fn header(&self) -> pingora::Result<RequestHeader> {
        let target = self.url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut request = RequestHeader::build(self.method.clone(), target.as_bytes(), Some(self.headers.len() + 1))?;
        for (name, value) in &self.headers {
            request.append_header(name.clone(), value.clone())?;
        }
        if !self.headers.contains_key(header::HOST)
            && let Some(authority) = self.url.authority()
        {
            request.insert_header(header::HOST, authority.as_str())?;
        }
        join_cookies(&mut request)?;
        Ok(request)
    }

    /// Position of the listener that it would come to: the one that is named, else the one whose port the URL has, else
    /// the only one that speaks the URL's scheme.
    pub(super) fn listener(&self, config: &Config) -> Result<usize, QuestionError> {
        let sockets = &config.live.listeners;
        let known = || sockets.iter().map(|socket| format!("`{}`", socket.name)).collect::<Vec<_>>().join(", ");
        if let Some(name) = &self.listener {
            let position = sockets.iter().position(|socket| socket.name == *name);
            let unknown = || QuestionError::UnknownListener { name: name.clone(), known: known() };
            let position = position.ok_or_else(unknown)?;
            if sockets[position].tls.is_some() != self.is_tls() {
                let scheme = self.url.scheme_str().unwrap_or_default().to_owned();
                return Err(QuestionError::OtherScheme { listener: name.clone(), scheme });
            }
            return Ok(position);
        }
        let port = self.url.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 });
        let fits = |position: &usize| sockets[*position].tls.is_some() == self.is_tls();
        let fitting: Vec<usize> = (0..sockets.len()).filter(fits).collect();
        let by_port = fitting.iter().find(|&&position| {
            let bound = sockets[position].bind.iter().any(|address| address.port() == port);
            bound || sockets[position].public_port == port
        });
        match (by_port, fitting.as_slice()) {
            (Some(position), _) | (None, [position]) => Ok(*position),
            _ => {
                let scheme = self.url.scheme_str().unwrap_or_default().to_owned();
                Err(QuestionError::NoListener { scheme, port, known: known() })
            }
        }
    }
}
