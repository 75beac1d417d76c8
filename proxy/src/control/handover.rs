//! Hand-over: a new process of the same program takes the sockets, says that it is ready, and this one leaves. No client
//! notices: a connection that waits to be accepted waits at a socket that both hold.
//!
//! The new process is started with one end of a pair of sockets as its standard input. Over it come, one message each, the
//! sockets of a door with its key; then a message that says that this was all. It answers with one when it serves. If it
//! dies or takes too long, nothing has changed.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::TcpListener,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    process::{Child, Command},
    time::Duration,
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    sockopt::{Timeout, set_socket_timeout},
};
use rustix::{
    process::{Pid, Signal, kill_process},
    stdio::dup2_stdin,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::listen::door::DoorKey;

/// The argument by which a new process knows that it is one; see `cli.rs`.
const TAKE_OVER: &str = "--take-over";
/// A new process reads its configuration, certificates and folders in that time, or is not going to.
const READY_MAX: Duration = Duration::from_secs(60);
/// Descriptors in one message; the system takes 253 (unix(7)).
const DESCRIPTORS_MAX: usize = 128;
/// Bytes of one message: the name of a listener with some around it.
const MESSAGE_MAX: usize = 16 * 1024;
/// Sockets that a new process takes at the most: 256 listeners with 16 addresses for 1024 workers would be more, and no
/// system has so many descriptors.
const SOCKETS_MAX: usize = 1 << 20;

/// What a socket is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// Clients.
    Door(DoorKey),
    /// Operators.
    Admin,
}

#[derive(Debug, Serialize, Deserialize)]
enum Offer {
    Sockets(Purpose),
    End,
}

/// What the new process says when it serves.
#[derive(Serialize, Deserialize)]
struct Ready {
    /// What it was offered and has no use for.
    unwanted: Vec<Purpose>,
}

/// Why this process goes on.
#[derive(Debug, Error)]
pub(crate) enum HandoverError {
    /// It could not even be started.
    #[error("cannot start {program}")]
    Start {
        program: String,
        #[source]
        cause: io::Error,
    },
    /// It ended, or did not answer. It says why in the log, which both share.
    #[error("the new process ended before it was ready, or was not ready within {READY_MAX:?}")]
    NotReady(#[source] io::Error),
}

/// How this process was started, and so how another one is.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Program {
    /// As this process was started: what stands at that path later is what is started then, through symbolic links, too.
    /// A program that was found on the search path is the file that it was found to be.
    pub(crate) fn this() -> io::Result<Self> {
        let mut arguments: Vec<_> = std::env::args_os().collect();
        let named = (!arguments.is_empty()).then(|| PathBuf::from(arguments.remove(0)));
        let named = named.filter(|path| path.components().count() > 1);
        if !arguments.iter().any(|argument| argument == TAKE_OVER) {
            arguments.push(TAKE_OVER.into());
        }
        let path = named.map_or_else(std::env::current_exe, std::path::absolute)?;
        Ok(Self { path, arguments })
    }
}

/// A new process that may yet fail; ended if it is dropped before it took over.
#[derive(Debug)]
pub(crate) struct Successor {
    /// `None` once it serves.
    child: Option<Child>,
    pipe: OwnedFd,
}

/// A new process that serves.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) child: Child,
    /// What it was offered and has no use for.
    pub(crate) unwanted: Vec<Purpose>,
}

impl Successor {
    /// Starts it and offers it the sockets.
    pub(crate) fn start(program: &Program, offers: &[(Purpose, Vec<TcpListener>)]) -> Result<Self, HandoverError> {
        let failed = |cause| HandoverError::Start { program: program.path.display().to_string(), cause };
        let (pipe, its_end) = pair().map_err(failed)?;
        let child = Command::new(&program.path).args(&program.arguments).stdin(its_end).spawn().map_err(failed)?;
        tracing::info!(process = child.id(), "a new process takes over");
        let successor = Self { child: Some(child), pipe };
        for (purpose, sockets) in offers {
            for some in sockets.chunks(DESCRIPTORS_MAX) {
                let some: Vec<_> = some.iter().map(AsFd::as_fd).collect();
                send(&successor.pipe, &Offer::Sockets(purpose.clone()), &some).map_err(HandoverError::NotReady)?;
            }
        }
        send(&successor.pipe, &Offer::End, &[]).map_err(HandoverError::NotReady)?;
        Ok(successor)
    }

    /// Waits until it serves. Blocks.
    pub(crate) fn wait(mut self) -> Result<Serving, HandoverError> {
        let (Ready { unwanted }, _) = receive(&self.pipe).map_err(HandoverError::NotReady)?;
        let child = self.child.take().expect("only this takes it");
        Ok(Serving { child, unwanted })
    }

    /// What ends it, whoever waits for it.
    pub(crate) fn ending(&self) -> impl FnOnce() + use<> {
        let process = self.child.as_ref().map(Pid::from_child);
        move || {
            process.map(|process| kill_process(process, Signal::KILL).ok());
        }
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// What an earlier process handed over; nothing if there was none.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    pipe: Option<OwnedFd>,
    sockets: Vec<(Purpose, Vec<TcpListener>)>,
}

impl Inherited {
    /// Takes what comes over standard input.
    pub(crate) fn take_over() -> io::Result<Self> {
        let pipe = io::stdin().as_fd().try_clone_to_owned()?;
        let mut sockets: Vec<(Purpose, Vec<TcpListener>)> = Vec::new();
        for _ in 0..SOCKETS_MAX {
            let (offer, descriptors) = receive(&pipe)?;
            let Offer::Sockets(purpose) = offer else { break };
            let listeners = descriptors.into_iter().map(TcpListener::from);
            match sockets.iter_mut().find(|(known, _)| *known == purpose) {
                Some((_, known)) => known.extend(listeners),
                None => sockets.push((purpose, listeners.collect())),
            }
        }
        Ok(Self { pipe: Some(pipe), sockets })
    }

    /// The sockets for a purpose; empty if there are none.
    pub(crate) fn take(&mut self, purpose: &Purpose) -> Vec<TcpListener> {
        let found = self.sockets.iter().position(|(known, _)| known == purpose);
        found.map(|at| self.sockets.swap_remove(at).1).unwrap_or_default()
    }

    /// Whether there is a socket at this port, at whatever address.
    pub(crate) fn has_port(&self, port: u16) -> bool {
        let mut sockets = self.sockets.iter().flat_map(|(_, sockets)| sockets);
        sockets.any(|socket| socket.local_addr().is_ok_and(|local| local.port() == port))
    }

    /// Tells the earlier process that it may go, and closes what is not needed any more.
    pub(crate) fn ready(self) {
        let Some(pipe) = self.pipe else { return };
        let unwanted = self.sockets.into_iter().map(|(purpose, _)| purpose).collect();
        if let Err(error) = send(&pipe, &Ready { unwanted }, &[]) {
            tracing::warn!(%error, "the earlier process does not hear that this one is ready");
        }
        // Standard input was the same socket, so that the earlier process heard of the end of this one only after it had
        // said why.
        if let Err(error) = File::open("/dev/null").and_then(|null| Ok(dup2_stdin(null)?)) {
            tracing::debug!(%error, "cannot let go of the hand-over's socket");
        }
    }
}

/// Two ends that keep messages apart, tell of the other one's death, and never wait for ever.
fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    for end in [&one, &other] {
        set_socket_timeout(end, Timeout::Recv, Some(READY_MAX))?;
        set_socket_timeout(end, Timeout::Send, Some(READY_MAX))?;
    }
    Ok((one, other))
}

fn send(pipe: &OwnedFd, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    sendmsg(pipe, &[IoSlice::new(&text)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive<T: DeserializeOwned>(pipe: &OwnedFd) -> io::Result<(T, Vec<OwnedFd>)> {
    let mut text = vec![0; MESSAGE_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(pipe, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let rights = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptors = rights.flatten().collect();
    Ok((serde_json::from_slice(&text[..received.bytes])?, descriptors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_arrive_with_what_they_are_for() {
        let (one, other) = pair().unwrap();
        let sockets: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let key = DoorKey::At("127.0.0.1:80".parse().unwrap());
        let descriptors: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        send(&one, &Offer::Sockets(Purpose::Door(key.clone())), &descriptors).unwrap();
        send(&one, &Offer::End, &[]).unwrap();
        let (offer, received) = receive::<Offer>(&other).unwrap();
        assert!(matches!(offer, Offer::Sockets(Purpose::Door(same)) if same == key));
        let address = |socket: &TcpListener| socket.local_addr().unwrap();
        let received: Vec<_> = received.into_iter().map(TcpListener::from).map(|socket| address(&socket)).collect();
        assert_eq!(received, sockets.iter().map(address).collect::<Vec<_>>());
        assert!(matches!(receive::<Offer>(&other).unwrap(), (Offer::End, none) if none.is_empty()));
        drop(one);
        assert_eq!(receive::<Offer>(&other).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
