//! `edge reload`, `history`, `rollback`, `pools`, `endpoint`, `purge`, `cache`, `explain --live`: asks the edge that runs with a file, by its
//! admin listener.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use config::model::Secret;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{
    Format,
    cache::{self, Look, Purging},
    pools,
};
use crate::control::{
    explain::Asked,
    pools::{BY_MAX, Order, Pool},
    secret::Token,
};

/// Longer than the edge lets a connection live.
const ANSWER_MAX: Duration = Duration::from_secs(65);
/// What a program and people can both read.
const ANYTHING: &str = "text/plain, application/json";

/// Sends a file to the edge.
pub(super) fn reload(file: &Path, access: &Access) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let answer = Running::reached(Some(file), access)?.ask(Method::POST, "/config", text, ANYTHING)?;
    say_live(&answer)
}

/// Brings an earlier configuration back.
pub(super) fn roll_back(file: Option<&Path>, access: &Access, to: Option<&str>) -> Result<()> {
    let body = to.map(|to| json!({ "to": to }).to_string()).unwrap_or_default();
    let answer = Running::reached(file, access)?.ask(Method::POST, "/config/rollback", body, ANYTHING)?;
    say_live(&answer)
}

/// Lists what was live.
pub(super) fn history(file: Option<&Path>, access: &Access, format: Format) -> Result<()> {
    let answer = Running::reached(file, access)?.ask(Method::GET, "/config/history", String::new(), ANYTHING)?;
    if format == Format::Json {
        print!("{answer}");
        return Ok(());
    }
    let lines: Vec<Value> = serde_json::from_str(&answer).context("the edge gave an answer of another kind")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for line in lines {
        let live = if line["live"] == true { "  <- live" } else { "" };
        println!("{}  {}  {:8}{live}", text(&line["hash"]), text(&line["at"]), text(&line["cause"]));
    }
    Ok(())
}

/// Explains a request in the present state of the edge.
pub(super) fn explain(file: &Path, access: &Access, asked: &Asked, format: Format) -> Result<()> {
    let accept = if format == Format::Json { "application/json" } else { "text/plain" };
    let edge = Running::reached(Some(file), access)?;
    print!("{}", edge.ask(Method::POST, "/explain", serde_json::to_string(asked)?, accept)?);
    Ok(())
}

/// Shows the pools of the edge, one of them or all.
pub(super) fn pools(file: Option<&Path>, access: &Access, pool: Option<&str>, format: Format) -> Result<()> {
    let answer = Running::reached(file, access)?.ask(Method::GET, "/pools", String::new(), ANYTHING)?;
    show(&pools::read(&answer, pool)?, format)
}

/// Sets the state of an endpoint by hand.
pub(super) fn endpoint(file: &Path, access: &Access, pool: &str, address: &str, order: &Order) -> Result<()> {
    let encode = |segment| utf8_percent_encode(segment, NON_ALPHANUMERIC);
    let path = format!("/pools/{}/endpoints/{}", encode(pool), encode(address));
    let order = serde_json::to_string(order)?;
    let answer = Running::reached(Some(file), access)?.ask(Method::POST, &path, order, ANYTHING)?;
    show(&pools::read(&answer, None)?, Format::Human)
}

/// Purges, and shows what that has done.
pub(super) fn purge(purging: &Purging) -> Result<()> {
    let order = serde_json::to_string(&purging.order(login()))?;
    let edge = Running::reached(purging.file.as_deref(), &purging.access)?;
    let answer = edge.ask(Method::POST, "/purge", order, ANYTHING)?;
    print(&answer, purging.format, |answer: &Vec<_>| cache::receipts(answer))
}

/// Shows what is stored.
pub(super) fn cache(look: &Look) -> Result<()> {
    let (file, access, format) = look.edge();
    let edge = Running::reached(file, access)?;
    let answer = edge.ask(Method::GET, &look.path(), String::new(), ANYTHING)?;
    match look {
        Look::Stat { .. } => print(&answer, format, |answer: &Vec<_>| cache::zones(answer)),
        Look::Keys { .. } => print(&answer, format, cache::keys),
        Look::Inspect { .. } => print(&answer, format, cache::objects),
    }
}

/// The answer as it came, or in words.
fn print<T: DeserializeOwned>(answer: &str, format: Format, words: impl FnOnce(&T) -> String) -> Result<()> {
    match format {
        Format::Json => print!("{answer}"),
        Format::Human => {
            let answer = serde_json::from_str(answer).context("the edge gave an answer of another kind")?;
            anstream::print!("{}", words(&answer));
        }
    }
    Ok(())
}

fn show(pools: &[Pool], format: Format) -> Result<()> {
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(pools)?),
        Format::Human => anstream::print!("{}", pools::table(pools)),
    }
    Ok(())
}

/// Who asks, as far as the system knows: `anna@edge-3`.
pub(super) fn login() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let user = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(variable);
    let user = user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let login = [&user, host.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("@");
    login.chars().take(BY_MAX).collect()
}

#[expect(clippy::disallowed_methods, reason = "this is the rim where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What went live, in words.
fn say_live(answer: &str) -> Result<()> {
    let done: Value = serde_json::from_str(answer).context("the edge gave an answer of another kind")?;
    let text = |name: &str| done[name].as_str().unwrap_or_default();
    println!("live: {} (before: {})", text("hash"), text("previous"));
    for difference in done["changed"].as_array().into_iter().flatten() {
        let text = |name: &str| difference[name].as_str().unwrap_or_default();
        println!("  {}: {}   {}", text("path"), text("change"), text("effect"));
    }
    if let Some(notice) = done["notice"].as_str() {
        println!("note: {notice}");
    }
    Ok(())
}

/// How an edge is reached otherwise than its file says.
#[derive(clap::Args)]
pub(super) struct Access {
    /// Address of the edge's admin listener. Default: `admin.bind` of the file, of which nothing else has to be good.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// File with the token of the edge. Default: where `admin.token` of the file says.
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
}

impl Access {
    /// Whether it says anything.
    pub(super) fn is_given(&self) -> bool {
        self.admin.is_some() || self.token.is_some()
    }
}

/// An edge that should be running.
struct Running {
    address: SocketAddr,
    token: Token,
}

impl Running {
    /// The one whose admin listener a file names; what `access` says goes before, and of a file that nothing is left
    /// to say for, nothing is read.
    fn reached(file: Option<&Path>, access: &Access) -> Result<Self> {
        let given = access.token.clone().map(|path| ("`--token`", Secret::File(path)));
        let (mut address, (key, place)) = match (access.admin, given, file) {
            (Some(address), Some(token), _) => (address, token),
            (address, given, Some(file)) => {
                let (admin, token) = config::admin_of(file).map_err(|problems| anyhow!("{problems}"))?;
                let token = given.or_else(|| token.map(|place| ("`admin.token`", place))).with_context(|| {
                    let hint = "`admin: {token: \"file:PATH\"}`, and restart the edge or send it SIGHUP";
                    format!("{} names no token for the edge's admin listener; hint: {hint}", file.display())
                })?;
                (address.unwrap_or(admin.bind), token)
            }
            _ => bail!("there is no file to say where the edge is; hint: name it, or both --admin and --token"),
        };
        if address.ip().is_unspecified() {
            let v6 = address.is_ipv6();
            address.set_ip(if v6 { Ipv6Addr::LOCALHOST.into() } else { IpAddr::from(Ipv4Addr::LOCALHOST) });
        }
        Ok(Self { address, token: Token::read(key, &place)? })
    }

    /// The answer, if it is a good one.
    fn ask(&self, method: Method, path: &str, body: String, accept: &str) -> Result<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = async { tokio::time::timeout(ANSWER_MAX, self.exchange(method, path, body, accept)).await };
        let (status, text) = runtime
            .block_on(answer)
            .with_context(|| format!("the edge at {} did not answer within {ANSWER_MAX:?}", self.address))??;
        match status {
            StatusCode::OK => Ok(text),
            StatusCode::UNAUTHORIZED => {
                let hint = "the edge reads its token when it starts or reloads";
                bail!("the edge at {} does not take the token; hint: {hint}", self.address)
            }
            _ => bail!("the edge at {} refused ({status}):\n{}", self.address, text.trim_end()),
        }
    }

    async fn exchange(&self, method: Method, path: &str, body: String, accept: &str) -> Result<(StatusCode, String)> {
        let tcp = TcpStream::connect(self.address).await.with_context(|| {
            format!("no edge answers at {}; hint: is it running? `--admin` names another address", self.address)
        })?;
        let broke = || format!("the connection to {} broke", self.address);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.with_context(broke)?;
        tokio::spawn(connection);
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::ACCEPT, accept)
            .header(header::AUTHORIZATION, self.token.bearer())
            .body(Full::new(Bytes::from(body)))?;
        let answer = sender.send_request(request).await.with_context(broke)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.with_context(broke)?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}
