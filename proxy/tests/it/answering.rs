//! What the edge answers by itself: redirects, fixed answers, files.

use http::{Method, StatusCode};
use reqwest::{Client, Response};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    origin::Origin,
    world::{Edge, config},
};

/// What is left of the requests, so that pool and classes are used.
const REST: &str = r#"
  - {name: rest, match: {path: /rest}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

/// An edge that needs no origin for what is tested; `prepare` makes its files.
fn edge(routes: &str) -> Edge {
    Edge::start(&config(&["127.0.0.1:1".parse().unwrap()], "", &format!("{routes}{REST}")))
}

async fn get(client: &Client, url: String, fields: &[(&str, &str)]) -> Response {
    let request = fields.iter().fold(client.get(url), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

fn field(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// Sends a request as it stands on a connection, and reads the answer.
async fn exchange(connection: &mut TcpStream, request: &str) -> (String, String) {
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length =
        head.split_once("content-length: ").map_or(0, |(_, after)| after.split_once('\r').unwrap().0.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// Key: routes[].redirect
/// Key: routes[].redirect.to
/// Key: routes[].redirect.status
/// Key: routes[].redirect.keep_query
#[tokio::test]
async fn a_redirect_leads_where_its_template_says() {
    let edge = edge(
        r#"
  - {name: path, match: {path: "/old/{id}"}, redirect: {to: "/product/{id}", status: 301}}
  - {name: url, match: {path: /go/**}, redirect: {to: "https://{host}/x/{rest}", status: 308, keep_query: false}}
  - {name: rest_of, match: {path: /r/**}, redirect: {to: "/{rest}"}}"#,
    );
    for client in [edge.client().build().unwrap(), edge.client().http1_only().build().unwrap()] {
        for (path, status, location) in [
            ("/old/7?a=1&b", 301, "/product/7?a=1&b"),
            ("/old/%7e", 301, "/product/~"),
            ("/go/a/b?q=1", 308, "https://localhost/x/a/b"),
            ("/go", 308, "https://localhost/x/"),
            ("/r/a?q", 307, "/a?q"),
            ("/r//evil.example/x", 307, "/evil.example/x"),
            ("/r///evil.example", 307, "/evil.example"),
            ("/r/%2Fevil.example", 307, "/%2Fevil.example"),
        ] {
            let answer = get(&client, edge.secure(path), &[]).await;
            assert_eq!((answer.status().as_u16(), field(&answer, "location").as_str()), (status, location), "{path}");
            assert_eq!(answer.text().await.unwrap(), "");
        }
    }
    edge.wait_for_metric(r#"floodgate_requests_total{class="-",route="path",status_class="3xx"} 4"#).await;
}

/// Key: routes[].respond
/// Key: routes[].respond.status
/// Key: routes[].respond.type
/// Key: routes[].respond.body
/// Key: routes[].respond.file
#[tokio::test]
async fn a_fixed_answer_is_what_the_route_says() {
    let edge = edge(
        r#"
  - {name: robots, match: {path: /robots.txt}, respond: {body: "User-agent: *\n"}}
  - {name: gone, match: {path: /gone}, respond: {status: 410, type: application/json, body: "{}"}}
  - {name: empty, match: {path: /empty}, respond: {status: 204}}
  - {name: authority, match: {path: /ca}, respond: {file: tls/ca.pem, type: application/x-pem-file}}"#,
    );
    let authority = std::fs::read_to_string(edge.folder().join("tls/ca.pem")).unwrap();
    for client in [edge.client().build().unwrap(), edge.client().http1_only().build().unwrap()] {
        for (path, status, content_type, body) in [
            ("/robots.txt", 200, "text/plain; charset=utf-8", "User-agent: *\n"),
            ("/gone", 410, "application/json", "{}"),
            ("/empty", 204, "", ""),
            ("/ca", 200, "application/x-pem-file", &authority),
        ] {
            let head = client.head(edge.secure(path)).send().await.unwrap();
            assert_eq!(
                (head.status().as_u16(), field(&head, "content-type").as_str()),
                (status, content_type),
                "{path}"
            );
            if status != 204 {
                assert_eq!(field(&head, "content-length"), body.len().to_string(), "{path}");
            }
            assert_eq!(head.text().await.unwrap(), "");
            let answer = get(&client, edge.secure(path), &[]).await;
            assert!(!field(&answer, "x-request-id").is_empty());
            assert_eq!(
                (answer.status().as_u16(), field(&answer, "content-type").as_str()),
                (status, content_type),
                "{path}"
            );
            assert_eq!(answer.text().await.unwrap(), body, "{path}");
        }
    }
    let log = std::fs::read_to_string(edge.folder().join("access.log")).unwrap_or_default();
    assert!(!log.contains(r#""error":""#), "{log}");
}

#[tokio::test]
async fn a_file_that_is_missing_or_too_large_never_goes_live() {
    let edge = edge("\n  - {name: fixed, match: {path: /fixed}, respond: {file: tls/ca.pem}}");
    let client = edge.client().build().unwrap();
    std::fs::write(edge.folder().join("large"), vec![b'x'; (1 << 20) + 1]).unwrap();
    for (file, said) in [("none.html", "none.html"), ("large", "/large")] {
        edge.rewrite_config(|text| text.replace("file: tls/ca.pem", &format!("file: {file}")));
        edge.signal("HUP");
        edge.wait_for_log(said);
        assert_eq!(get(&client, edge.secure("/fixed"), &[]).await.status(), StatusCode::OK);
        edge.rewrite_config(|text| text.replace(&format!("file: {file}"), "file: tls/ca.pem"));
    }
    edge.rewrite_config(|text| {
        text.replace("respond: {file: tls/ca.pem}", "files: {root: nowhere}").replace("/fixed", "/fixed/**")
    });
    edge.signal("HUP");
    edge.wait_for_log("nowhere");
    assert_eq!(get(&client, edge.secure("/fixed"), &[]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_nobody_wants_does_not_spoil_the_connection() {
    let edge = edge(
        r#"
  - {name: fixed, match: {path: /fixed}, respond: {body: "fixed"}}
  - {name: empty, match: {path: /empty}, respond: {status: 204}}
  - {name: moved, match: {path: /moved}, redirect: {to: /fixed}}
  - {name: files, match: {path: /files/**}, files: {root: tls}}"#,
    );
    let mut connection = TcpStream::connect(edge.address("plain")).await.unwrap();
    let smuggled = "GET /moved HTTP/1.1\r\nHost: a\r\n\r\n";
    for (path, status) in [("/fixed", 200), ("/empty", 204), ("/moved", 307), ("/files/ca.pem", 405), ("/no", 404)] {
        let post = format!("POST {path} HTTP/1.1\r\nHost: a\r\n");
        let announced = format!("{post}Content-Length: {}\r\n\r\n{smuggled}", smuggled.len());
        let (head, _) = exchange(&mut connection, &announced).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{path}: {head}");
        let (head, body) = exchange(&mut connection, "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(head.starts_with("http/1.1 200 ") && body == "fixed", "after {path}: {head}{body}");
        // Of unknown length: the edge says that it closes, and does.
        let mut other = TcpStream::connect(edge.address("plain")).await.unwrap();
        let chunk = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
        let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunk}");
        let (head, _) = exchange(&mut other, &chunked).await;
        assert!(
            head.starts_with(&format!("http/1.1 {status} ")) && head.contains("connection: close"),
            "{path}: {head}"
        );
        let mut rest = Vec::new();
        other.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"", "{path}");
    }
    // One that never ends is read for a while, and then the connection goes.
    connection.write_all(b"POST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx").await.unwrap();
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert!(rest.starts_with(b"HTTP/1.1 200 ") && rest.ends_with(b"fixed"), "{}", String::from_utf8_lossy(&rest));
    let client = edge.client().build().unwrap();
    for _ in 0..2 {
        let large = client.post(edge.secure("/fixed")).body(vec![b'x'; 300_000]).send().await.unwrap();
        assert_eq!(large.text().await.unwrap(), "fixed");
    }
}

/// Key: routes[].rate
#[tokio::test]
async fn rate_limits_hold_without_a_pool() {
    let edge = edge(
        "\n  - {name: fixed, match: {path: /fixed}, respond: {body: x}, rate: [{per: address, at: 1/h, burst: 1}]}",
    );
    let client = edge.client().build().unwrap();
    assert_eq!(get(&client, edge.secure("/fixed"), &[]).await.status(), StatusCode::OK);
    assert_eq!(get(&client, edge.secure("/fixed"), &[]).await.status(), StatusCode::TOO_MANY_REQUESTS);
    edge.wait_for_metric(r#"floodgate_refusals_total{class="-",reason="rate_limited"} 1"#).await;
}

/// A route to `public`, with a secret beside it.
fn edge_with_files() -> Edge {
    let edge = edge("\n  - {name: files, match: {path: /f/**}, files: {root: tls, index: start.html}}");
    let root = edge.folder().join("tls");
    std::fs::create_dir_all(root.join("sub/.git")).unwrap();
    std::fs::create_dir_all(root.join("empty")).unwrap();
    for (name, content) in
        [("a.txt", "hello"), ("start.html", "<h1>"), ("sub/start.html", "sub"), ("sub/.git/config", "x")]
    {
        std::fs::write(root.join(name), content).unwrap();
    }
    std::fs::write(root.join("wide name é.txt"), "wide").unwrap();
    std::fs::write(root.join(".hidden"), "secret").unwrap();
    std::fs::write(edge.folder().join("secret"), "secret").unwrap();
    std::fs::write(root.join("large.bin"), large()).unwrap();
    std::os::unix::fs::symlink("../secret", root.join("out")).unwrap();
    std::os::unix::fs::symlink(edge.folder(), root.join("folder_out")).unwrap();
    std::os::unix::fs::symlink("a.txt", root.join("inside")).unwrap();
    edge
}

fn large() -> Vec<u8> {
    (0..1_000_000_u32).map(|at| (at % 251) as u8).collect()
}

/// Key: routes[].files
/// Key: routes[].files.root
/// Key: routes[].files.index
#[tokio::test]
async fn files_below_the_root_are_served_and_nothing_else() {
    let edge = edge_with_files();
    for client in [edge.client().build().unwrap(), edge.client().http1_only().build().unwrap()] {
        for (path, content_type, content) in [
            ("/f/a.txt", "text/plain; charset=utf-8", "hello"),
            ("/f/inside", "application/octet-stream", "hello"),
            ("/f/", "text/html; charset=utf-8", "<h1>"),
            ("/f/sub/", "text/html; charset=utf-8", "sub"),
            ("/f/wide%20name%20%c3%a9.txt", "text/plain; charset=utf-8", "wide"),
        ] {
            let answer = get(&client, edge.secure(path), &[]).await;
            assert_eq!(
                (answer.status(), field(&answer, "content-type").as_str()),
                (StatusCode::OK, content_type),
                "{path}"
            );
            assert_eq!(field(&answer, "accept-ranges"), "bytes");
            assert_eq!(answer.text().await.unwrap(), content, "{path}");
        }
        for path in ["/f", "/f/sub"] {
            let answer = get(&client, edge.secure(&format!("{path}?q")), &[]).await;
            let location = field(&answer, "location");
            assert_eq!((answer.status(), location), (StatusCode::PERMANENT_REDIRECT, format!("{path}/?q")));
        }
        for path in [
            "/f/none",
            "/f/empty/",
            "/f/a.txt/",
            "/f/a.txt/b",
            "/f/.hidden",
            "/f/%2ehidden",
            "/f/sub/.git/config",
            "/f/out",
            "/f/folder_out/secret",
            "/f/..%2fsecret",
            "/f/%2e%2e%2fsecret",
            "/f/..%2Fsecret",
            "/f/sub/..%2f..%2f..%2fsecret",
            "/f//etc/passwd",
            "/f/%2fetc%2fpasswd",
            "/f/..%5csecret",
        ] {
            let answer = get(&client, edge.secure(path), &[]).await;
            // Dots beside an encoded separator mean one thing here and another elsewhere.
            let ambiguous = ["..%2f", "..%2F", "%2e%2e%2f", "..%5c"].iter().any(|dots| path.contains(dots));
            let expected = if ambiguous { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
            assert_eq!(answer.status(), expected, "{path}");
            assert!(!answer.text().await.unwrap().contains("secret"), "{path}");
        }
        let large_answer = get(&client, edge.secure("/f/large.bin"), &[]).await;
        assert_eq!(large_answer.bytes().await.unwrap(), large());
        let other = get(&client, edge.secure("/f/a.txt"), &[("if-match", "\"other\"")]).await;
        assert_eq!((other.status(), other.text().await.unwrap()), (StatusCode::PRECONDITION_FAILED, String::new()));
        let posted = client.post(edge.secure("/f/a.txt")).body("x").send().await.unwrap();
        assert_eq!((posted.status(), field(&posted, "allow").as_str()), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    }
    // As bytes on the wire: clients resolve dots themselves.
    let mut connection = TcpStream::connect(edge.address("plain")).await.unwrap();
    for path in ["/f/../secret", "/f/sub/../../secret", "/f/%2e%2e/secret"] {
        let (head, _) = exchange(&mut connection, &format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert!(head.starts_with("http/1.1 404 "), "{path}: {head}");
    }
    edge.wait_for_metric(r#"floodgate_refusals_total{class="-",reason="method_not_allowed"} 2"#).await;
    edge.wait_for_metric(r#"floodgate_refusals_total{class="-",reason="closed_file"} 4"#).await;
}

#[tokio::test]
async fn a_file_obeys_ranges_and_conditions() {
    let edge = edge_with_files();
    for client in [edge.client().build().unwrap(), edge.client().http1_only().build().unwrap()] {
        let whole = get(&client, edge.secure("/f/a.txt"), &[]).await;
        let (tag, date) = (field(&whole, "etag"), field(&whole, "last-modified"));
        for (what, fields, status, body) in [
            ("range", &[("range", "bytes=1-3")][..], 206, "ell"),
            ("range to the end", &[("range", "bytes=3-")], 206, "lo"),
            ("last bytes", &[("range", "bytes=-2")], 206, "lo"),
            ("range beyond", &[("range", "bytes=5-")], 416, ""),
            ("two ranges", &[("range", "bytes=0-0,2-2")], 200, "hello"),
            ("range of what it is", &[("range", "bytes=1-3"), ("if-range", &tag)], 206, "ell"),
            ("range of what it was", &[("range", "bytes=1-3"), ("if-range", "\"x\"")], 200, "hello"),
            ("same tag", &[("if-none-match", &tag)], 304, ""),
            ("other tag", &[("if-none-match", "\"x\""), ("if-modified-since", &date)], 200, "hello"),
            ("same date", &[("if-modified-since", &date)], 304, ""),
            ("older date", &[("if-modified-since", "Thu, 01 Jan 1970 00:00:01 GMT")], 200, "hello"),
        ] {
            let answer = get(&client, edge.secure("/f/a.txt"), fields).await;
            assert_eq!(answer.status().as_u16(), status, "{what}");
            assert_eq!(field(&answer, "etag"), tag, "{what}");
            if status == 416 {
                assert_eq!(field(&answer, "content-range"), "bytes */5");
            }
            assert_eq!(answer.text().await.unwrap(), body, "{what}");
        }
        let head = client.request(Method::HEAD, edge.secure("/f/a.txt")).send().await.unwrap();
        assert_eq!((field(&head, "content-length").as_str(), field(&head, "etag")), ("5", tag));
        let part = get(&client, edge.secure("/f/large.bin"), &[("range", "bytes=70000-200000")]).await;
        assert_eq!(part.bytes().await.unwrap(), large()[70_000..=200_000]);
    }
    std::fs::write(edge.folder().join("tls/a.txt"), "changed").unwrap();
    let client = edge.client().build().unwrap();
    assert_eq!(get(&client, edge.secure("/f/a.txt"), &[]).await.text().await.unwrap(), "changed", "at once");
}

#[tokio::test]
async fn what_the_edge_answers_reaches_no_origin() {
    let origin = Origin::fixed("origin", &[]).await;
    let routes = format!("\n  - {{name: fixed, match: {{path: /fixed}}, respond: {{body: x}}}}{REST}");
    let edge = Edge::start(&config(&[origin.address], "    limit: {in_flight: 1, headroom: 0%}", &routes));
    let client = edge.client().build().unwrap();
    get(&client, edge.secure("/fixed"), &[]).await;
    assert!(origin.asked().is_empty());
}
