//! An origin that says what the cases script, byte by byte, and remembers what it was asked.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::script::{Answer, Framing};

/// A request that came, as it was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) fields: Vec<(String, String)>,
}

impl Asked {
    /// All lines of a field; `None` if there are none.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.fields.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }
}

/// What is said to whom asks for one case's URLs.
#[derive(Default)]
struct Script {
    answer: Option<(Answer, String)>,
    asked: Vec<Asked>,
}

type Scripts = Arc<Mutex<HashMap<String, Script>>>;

/// A running origin; ends when dropped.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    scripts: Scripts,
    task: JoinHandle<()>,
}

impl Origin {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scripts = Scripts::default();
        let shared = Arc::clone(&scripts);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).unwrap();
                connections.spawn(serve(tcp, Arc::clone(&shared)));
            }
        });
        Self { address, scripts, task }
    }

    /// Says this from now on to whom asks below a path, and `text` as the body where the answer has none of its own.
    pub(super) fn script(&self, path: &str, answer: Answer, text: String) {
        let mut scripts = self.scripts.lock().unwrap();
        scripts.entry(path.to_owned()).or_default().answer = Some((answer, text));
    }

    /// What was asked below a path so far.
    pub(super) fn asked(&self, path: &str) -> Vec<Asked> {
        self.scripts.lock().unwrap().get(path).map(|script| script.asked.clone()).unwrap_or_default()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `/policy/protocol/case` of what may go on.
fn case_of(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    path.splitn(5, '/').take(4).collect::<Vec<_>>().join("/")
}

async fn serve(tcp: TcpStream, scripts: Scripts) {
    let mut tcp = BufReader::new(tcp);
    while let Some((asked, target)) = next(&mut tcp).await {
        let said = {
            let mut scripts = scripts.lock().unwrap();
            let script = scripts.entry(case_of(&target)).or_default();
            script.asked.push(asked.clone());
            script.answer.clone()
        };
        let Some((answer, text)) = said else { return };
        tokio::time::sleep(answer.delay).await;
        if matches!(answer.framing, Framing::HangUp) {
            return;
        }
        if matches!(answer.framing, Framing::Silence) {
            tokio::time::sleep(super::SILENCE).await;
            return;
        }
        let wrote = tcp.write_all(&written(&answer, &text, asked.method == "HEAD")).await;
        if wrote.is_err() || !matches!(answer.framing, Framing::Length | Framing::Chunks) {
            tcp.shutdown().await.ok();
            return;
        }
    }
}

/// The next request; `None` at the end of the connection.
async fn next(tcp: &mut BufReader<TcpStream>) -> Option<(Asked, String)> {
    let mut line = String::new();
    if tcp.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut words = line.split(' ');
    let mut asked = Asked { method: words.next()?.to_owned(), fields: Vec::new() };
    let target = words.next()?.to_owned();
    loop {
        let mut line = String::new();
        tcp.read_line(&mut line).await.ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => asked.fields.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let length: usize = asked.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    tcp.read_exact(&mut vec![0; length]).await.ok()?;
    Some((asked, target))
}

/// An answer on the wire.
fn written(answer: &Answer, text: &str, head: bool) -> Vec<u8> {
    let mut out = String::new();
    if let Some(interim) = answer.interim {
        out += interim;
    }
    out += &format!("{} {} X\r\n", answer.version, answer.status);
    let says = |name: &str| answer.fields.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
    if answer.dated && !says("date") {
        out += &format!("date: {}\r\n", super::script::date(0));
    }
    for (name, value) in &answer.fields {
        out += &format!("{name}: {value}\r\n");
    }
    let body = answer.body.as_deref().unwrap_or(text);
    let has_body = !matches!(answer.status, 204 | 304);
    match answer.framing {
        _ if !has_body => {}
        Framing::Length => out += &format!("content-length: {}\r\n", body.len()),
        Framing::CutOff => out += &format!("content-length: {}\r\n", body.len() + 100),
        Framing::Chunks | Framing::CutOffChunks => out += "transfer-encoding: chunked\r\n",
        Framing::Close | Framing::HangUp | Framing::Silence => out += "connection: close\r\n",
    }
    out += "\r\n";
    match answer.framing {
        _ if head || !has_body => {}
        Framing::Chunks => out += &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        Framing::CutOffChunks => out += &format!("{:x}\r\n{body}\r\n", body.len()),
        _ => out += body,
    }
    out.into_bytes()
}
