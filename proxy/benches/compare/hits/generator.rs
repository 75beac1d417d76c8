//! A load generator that costs less than what it measures: one thread, one epoll, and answers that are not looked at
//! more closely than it takes to find their end.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    net::{RecvFlags, recv},
};
use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};

use super::requests::Requests;

/// Bytes read at once.
const READ: usize = 256 << 10;

/// How requests are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// The next as soon as there is the answer to the last, on every connection.
    Closed,
    /// So many a second, whether there are answers or not.
    Open(f64),
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) answers: u64,
    pub(super) failed: u64,
    pub(super) seconds: f64,
    /// Of each answer, in microseconds: from when it was due, not from when it was sent.
    pub(super) latencies_us: Vec<u32>,
}

impl Outcome {
    pub(super) fn per_second(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    pub(super) fn quantile_us(&mut self, share: f64) -> u32 {
        self.latencies_us.sort_unstable();
        let at = ((self.latencies_us.len() as f64 * share) as usize).min(self.latencies_us.len().saturating_sub(1));
        self.latencies_us.get(at).copied().unwrap_or_default()
    }
}

/// One connection.
struct Connection {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
    head: Vec<u8>,
    /// Bytes of the body that are still to come; `None` before the header.
    left: Option<usize>,
    due: Instant,
    conditional: bool,
    busy: bool,
}

/// A generator with its connections.
pub(super) struct Generator<'r> {
    requests: &'r Requests,
    connections: Vec<Connection>,
    epoll: rustix::fd::OwnedFd,
    position: usize,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

impl<'r> Generator<'r> {
    pub(super) fn connect(
        requests: &'r Requests,
        address: SocketAddr,
        tls: Option<&Arc<ClientConfig>>,
        count: usize,
    ) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::new();
        for number in 0..count {
            let mut tcp = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
            tcp.set_nodelay(true)?;
            let tls = tls.map(|config| shake_hands(&mut tcp, config)).transpose()?;
            tcp.set_nonblocking(true)?;
            epoll::add(&epoll, &tcp, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
            let (head, due) = (Vec::new(), Instant::now());
            connections.push(Connection { tcp, tls, head, left: None, due, conditional: false, busy: false });
        }
        let (buffer, request) = (vec![0; READ], Vec::new());
        Ok(Self { requests, connections, epoll, position: 0, buffer, request })
    }

    /// Has each object stored.
    pub(super) fn fill(&mut self, objects: usize) -> Result<()> {
        for object in 0..objects {
            self.requests.write_plain(object, &mut self.request);
            self.connections[0].send(&self.request, Instant::now(), false)?;
            while self.connections[0].busy {
                self.await_one(Duration::from_secs(10))?;
                let connection = &mut self.connections[0];
                if connection.receive(&mut self.buffer, self.requests.length)? == Some(false) {
                    bail!("object {object} is not answered with 200");
                }
            }
        }
        Ok(())
    }

    fn await_one(&self, most: Duration) -> Result<()> {
        let mut events = Vec::with_capacity(1);
        let most = Timespec::try_from(most)?;
        if epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&most))? == 0 {
            bail!("no answer within 10 s");
        }
        Ok(())
    }

    /// Sends requests for so long.
    pub(super) fn run(&mut self, pace: Pace, length: Duration) -> Result<Outcome> {
        let start = Instant::now();
        let end = start + length;
        let mut outcome = Outcome { latencies_us: Vec::with_capacity(1 << 20), ..Outcome::default() };
        let mut idle: VecDeque<usize> = (0..self.connections.len()).collect();
        let mut due = 0u64;
        let mut events: Vec<epoll::Event> = Vec::with_capacity(1024);
        loop {
            let now = Instant::now();
            if now >= end {
                break;
            }
            while let Some(&at) = idle.front() {
                let when = match pace {
                    Pace::Closed => now,
                    Pace::Open(rate) => start + Duration::from_secs_f64(due as f64 / rate),
                };
                if when > now {
                    break;
                }
                due += 1;
                idle.pop_front();
                let conditional = self.requests.write(self.position, &mut self.request);
                self.position += 1;
                self.connections[at].send(&self.request, when, conditional)?;
            }
            events.clear();
            // In open loop it never sleeps: that would be late for what is due next.
            let wait =
                if matches!(pace, Pace::Closed) { Timespec { tv_sec: 1, tv_nsec: 0 } } else { Timespec::default() };
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait))?;
            for event in &events {
                let at = event.data.u64() as usize;
                let connection = &mut self.connections[at];
                let Some(fine) = connection.receive(&mut self.buffer, self.requests.length)? else { continue };
                outcome.answers += 1;
                outcome.failed += u64::from(!fine);
                let took = connection.due.elapsed().as_micros();
                outcome.latencies_us.push(u32::try_from(took).unwrap_or(u32::MAX));
                idle.push_back(at);
            }
        }
        outcome.seconds = start.elapsed().as_secs_f64();
        self.settle()?;
        Ok(outcome)
    }

    /// Takes what is still on its way.
    fn settle(&mut self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(10);
        while self.connections.iter().any(|connection| connection.busy) {
            if Instant::now() > end {
                bail!("answers are missing after 10 s");
            }
            self.await_one(Duration::from_secs(10))?;
            for connection in self.connections.iter_mut().filter(|connection| connection.busy) {
                connection.receive(&mut self.buffer, self.requests.length)?;
            }
        }
        Ok(())
    }
}

impl Connection {
    fn send(&mut self, request: &[u8], due: Instant, conditional: bool) -> Result<()> {
        (self.due, self.conditional, self.busy, self.left) = (due, conditional, true, None);
        let sent = match &mut self.tls {
            None => self.tcp.write(request)?,
            Some(tls) => {
                tls.writer().write_all(request)?;
                while tls.wants_write() {
                    tls.write_tls(&mut self.tcp)?;
                }
                request.len()
            }
        };
        if sent < request.len() {
            bail!("the kernel takes only {sent} bytes of a request");
        }
        Ok(())
    }

    /// Reads what there is; once the answer is whole, whether it is the right one.
    fn receive(&mut self, buffer: &mut [u8], length: usize) -> Result<Option<bool>> {
        loop {
            let read = match self.read(buffer) {
                Ok(0) => bail!("the server has closed a connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            if let Some(fine) = self.take(&buffer[..read.min(buffer.len())], read, length)? {
                self.busy = false;
                return Ok(Some(fine));
            }
        }
    }

    /// Bytes of a body that nobody looks at are not even copied, where they come as they are.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None if self.left.is_some() => {
                let most = buffer.len();
                Ok(recv(&self.tcp, &mut buffer[..most], RecvFlags::TRUNC)?.1)
            }
            None => self.tcp.read(buffer),
            Some(tls) => loop {
                match tls.reader().read(buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    read => return read,
                }
                if tls.read_tls(&mut self.tcp)? == 0 {
                    return Ok(0);
                }
                tls.process_new_packets().map_err(io::Error::other)?;
            },
        }
    }

    /// Takes bytes of the answer; once it is whole, whether it is the right one.
    fn take(&mut self, bytes: &[u8], count: usize, length: usize) -> Result<Option<bool>> {
        let left = match self.left {
            Some(left) => left.checked_sub(count).context("more of a body than there should be")?,
            None => {
                self.head.extend_from_slice(bytes);
                let Some(at) = memchr::memmem::find(&self.head, b"\r\n\r\n") else { return Ok(None) };
                let not_modified = self.head.get(9..12) == Some(b"304");
                let body = if not_modified { 0 } else { length };
                (at + 4 + body).checked_sub(self.head.len()).context("more of an answer than there should be")?
            }
        };
        self.left = Some(left);
        if left > 0 {
            return Ok(None);
        }
        let expected: &[u8] = if self.conditional { b"304" } else { b"200" };
        let fine = self.head.get(9..12) == Some(expected);
        self.head.clear();
        Ok(Some(fine))
    }
}

fn shake_hands(tcp: &mut TcpStream, config: &Arc<ClientConfig>) -> Result<Box<ClientConnection>> {
    let mut tls = Box::new(ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost")?)?);
    while tls.is_handshaking() {
        tls.complete_io(tcp)?;
    }
    Ok(tls)
}
