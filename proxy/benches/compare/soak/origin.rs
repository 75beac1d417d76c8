//! Two origins: HTTP/1.1 that also echoes after an upgrade, and HTTP/2 that echoes as a gRPC server would.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::Result;
use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How long an answer takes, so that some requests are always in flight.
const WORK: Duration = Duration::from_millis(5);

/// `200 ok` to everything, or an echo of every byte to whoever asks to upgrade.
pub(super) async fn http1() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve_http1(tcp));
        }
    });
    Ok(address)
}

async fn serve_http1(mut tcp: TcpStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    while tcp.read_buf(&mut bytes).await? > 0 {
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            bytes.drain(..end + 4);
            if head.contains("upgrade: websocket") {
                tcp.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
                    .await?;
                tcp.write_all(&bytes).await?;
                let (mut from, mut to) = tcp.split();
                tokio::io::copy(&mut from, &mut to).await?;
                return Ok(());
            }
            sleep(WORK).await;
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?;
        }
    }
    Ok(())
}

/// Each message back as it comes, and `grpc-status: 0` at the end.
pub(super) async fn grpc() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(tcp).await?;
                while let Some(request) = connection.accept().await {
                    let (request, respond) = request?;
                    tokio::spawn(echo(request, respond));
                }
                Ok::<_, h2::Error>(())
            });
        }
    });
    Ok(address)
}

async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<()> {
    let mut body = request.into_body();
    let head = Response::builder().header("content-type", "application/grpc").body(())?;
    let mut send = respond.send_response(head, false)?;
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        send.send_data(data, false)?;
    }
    send.send_trailers(HeaderMap::from_iter([("grpc-status".parse()?, HeaderValue::from_static("0"))]))?;
    Ok(())
}
