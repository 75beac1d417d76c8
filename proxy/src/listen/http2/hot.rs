//! Answers out of the cache that need nobody but the connection.

use std::sync::Arc;

use bytes::Bytes;
use h2::{Reason, SendStream, server::SendResponse};
use pingora::{ErrorType, OrErr, Result, http::RequestHeader};
use tokio::task::JoinSet;

use super::answer::send;
use crate::{
    edge::Edge,
    listen::{
        connection::Connection,
        pace::{Pace, Patience},
    },
    request::hot,
};

/// What the answers of a connection are found with.
pub(super) struct AtHand {
    pub(super) edge: Arc<Edge>,
    pub(super) connection: Arc<Connection>,
}

impl AtHand {
    /// Answers a request that has no body, if its answer is at hand; false if it is left to Pingora. What the client does
    /// not take at once is sent by a task of `later`.
    pub(super) fn answer(
        &self,
        header: &mut RequestHeader,
        respond: &mut SendResponse<Bytes>,
        patience: Patience,
        later: &mut JoinSet<()>,
    ) -> bool {
        if !self.edge.answers_hits() {
            return false;
        }
        let Some(request) = hot::Request::new(header, &self.connection) else { return false };
        let Some(hit) = hot::find(&self.edge, &request) else { return false };
        let Some(response) = hit.fields() else { return false };
        let body: Vec<_> = hit.body(&header.method).filter(|piece| !piece.is_empty()).cloned().collect();
        let begun = respond.send_response(response, body.is_empty());
        let begun = begun.or_err(ErrorType::WriteError, "while sending the header").map_err(|error| error.into_down());
        match begun.and_then(|stream| at_once(stream, body)) {
            Ok(Ok(bytes)) => hit.record(&self.edge, header, &self.connection, bytes, None),
            Err(error) => hit.record(&self.edge, header, &self.connection, 0, Some(&error)),
            Ok(Err((mut stream, body))) => {
                let (header, edge, connection) = (header.clone(), Arc::clone(&self.edge), Arc::clone(&self.connection));
                later.spawn(async move {
                    let (bytes, sent) = send_all(&mut stream, body, patience).await;
                    if sent.is_err() {
                        stream.send_reset(Reason::INTERNAL_ERROR);
                    }
                    hit.record(&edge, &header, &connection, bytes, sent.err().as_deref());
                });
            }
        }
        true
    }
}

/// What is still to be sent of an answer.
type Left = (SendStream<Bytes>, Vec<Bytes>);

/// Sends a body if the client's windows and the buffer towards it have room for all of it: its length. Else nothing of it
/// is sent.
fn at_once(mut stream: SendStream<Bytes>, body: Vec<Bytes>) -> Result<Result<usize, Left>> {
    let length = body.iter().map(Bytes::len).sum();
    stream.reserve_capacity(length);
    if stream.capacity() < length {
        return Ok(Err((stream, body)));
    }
    let last = body.len().saturating_sub(1);
    for (at, piece) in body.into_iter().enumerate() {
        let sent = stream.send_data(piece, at == last);
        sent.or_err(ErrorType::WriteError, "while sending a body").map_err(|error| error.into_down())?;
    }
    Ok(Ok(length))
}

/// Sends a body as fast as the client takes it: how much it has of it, and whether that is all.
async fn send_all(stream: &mut SendStream<Bytes>, body: Vec<Bytes>, patience: Patience) -> (usize, Result<()>) {
    let (mut pace, mut bytes, count) = (Pace::new(patience), 0, body.len());
    for (at, mut piece) in body.into_iter().enumerate() {
        if let Err(error) = send(stream, &mut pace, &mut bytes, &mut piece, at + 1 == count).await {
            return (bytes, Err(error));
        }
    }
    (bytes, Ok(()))
}
