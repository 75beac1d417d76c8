//! The origin of the objects: asked once for each, before anything is measured.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use anyhow::Result;

use super::requests::etag;

/// Starts it; it ends with the process.
pub(super) fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            thread::spawn(move || serve(tcp));
        }
    });
    Ok(address)
}

/// Answers one request after the other, until the connection ends.
fn serve(mut tcp: TcpStream) -> Option<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let end = loop {
            if let Some(at) = memchr::memmem::find(&head, b"\r\n\r\n") {
                break at + 4;
            }
            let read = tcp.read(&mut piece).ok().filter(|read| *read > 0)?;
            head.extend_from_slice(&piece[..read]);
        };
        let answer =
            answer(&head[..end]).unwrap_or_else(|| b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into());
        tcp.write_all(&answer).ok()?;
        head.drain(..end);
    }
}

/// `/assets/LENGTH/product-NUMBER-large.webp` is so long.
fn answer(head: &[u8]) -> Option<Vec<u8>> {
    let target = str::from_utf8(head).ok()?.split(' ').nth(1)?;
    let (length, name) = target.strip_prefix("/assets/")?.split_once('/')?;
    let object: usize = name.strip_prefix("product-")?.get(..6)?.parse().ok()?;
    let length: usize = length.parse().ok()?;
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: image/webp\r\nCache-Control: public, max-age=86400\r\n\
        Last-Modified: Mon, 02 Nov 2026 08:00:00 GMT\r\nDate: Tue, 03 Nov 2026 08:00:00 GMT\r\nETag: "
        .to_vec();
    etag(object, &mut answer);
    answer.extend_from_slice(format!("\r\nContent-Length: {length}\r\n\r\n").as_bytes());
    answer.resize(answer.len() + length, b'x');
    Some(answer)
}
