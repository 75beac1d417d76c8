//! A client with a cookie, over a real socket.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

pub(crate) struct Visitor {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    sid: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Visitor {
    pub(crate) fn new(base: &str) -> Visitor {
        Visitor { client: Client::builder(TokioExecutor::new()).build_http(), base: base.to_owned(), sid: None }
    }

    /// Goes on at another process.
    pub(crate) fn at(mut self, base: &str) -> Visitor {
        base.clone_into(&mut self.base);
        self
    }

    /// The same session in other hands.
    pub(crate) fn twin(&self) -> Visitor {
        Visitor { client: self.client.clone(), base: self.base.clone(), sid: self.sid.clone() }
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = Request::builder().method(method).uri(url);
        if let Some(sid) = &self.sid {
            request = request.header(COOKIE, format!("sid={sid}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let response = self.client.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        for cookie in parts.headers.get_all(SET_COOKIE) {
            let value = cookie.to_str().unwrap().split(';').next().unwrap().strip_prefix("sid=").unwrap();
            self.sid = (!value.is_empty()).then(|| value.to_owned());
        }
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// Posts a form.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        let form_type = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &form_type, form).await
    }

    /// Posts JSON.
    pub(crate) async fn post_json(&mut self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[(CONTENT_TYPE.as_str(), "application/json")], headers].concat();
        self.send(Method::POST, path, &headers, &body.to_string()).await
    }

    /// Opens an account and is logged in.
    pub(crate) async fn register(&mut self, email: &str) {
        let form = format!("name=Ada&email={email}&password=secret+words&next=/checkout");
        let answer = self.post("/register", &form).await;
        assert_eq!((answer.status, answer.location()), (303, "/checkout"), "{}", answer.body);
    }

    /// The product that a search lists first: its first SKU.
    pub(crate) async fn some_sku(&mut self) -> u64 {
        let products = self.get("/api/products?sort=price-asc").await.json();
        let id = &products["products"][0]["id"];
        self.get(&format!("/api/products/{id}")).await.json()["skus"][0]["sku"].as_u64().unwrap()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// The value of a hidden field of a form.
    pub(crate) fn hidden(&self, name: &str) -> &str {
        let marker = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&marker).unwrap_or_else(|| panic!("no field {name} in {}", self.body));
        rest.split_once('"').unwrap().0
    }
}
