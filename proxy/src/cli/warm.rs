//! `edge warm`: asks an edge for each URL of a list, as a client does, so that its cache holds them before the rush.
//!
//! It goes through the listeners, and so through everything that decides what a client gets. What it finds is said by the
//! answers themselves: their status, and what `Cache-Status` says the edge did (RFC 9211).

use std::{
    collections::BTreeMap,
    fmt,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Url};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

/// One answer, from its connection to the end of its body.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// A line of the list; a URL that is longer no listener would take.
const LINE_MAX: u64 = 64 << 10;
/// Failures that are shown one by one.
const SHOWN_MAX: usize = 10;
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// What is asked for, and how.
#[derive(clap::Args)]
pub(super) struct Warming {
    /// File with one absolute URL on each line; `-` reads them from standard input. Empty lines and those that begin with
    /// `#` are skipped.
    list: PathBuf,
    /// Where the edge is, such as `127.0.0.1:8443`, whatever the hosts of the URLs; the port is for those that name none.
    /// Default: where the hosts are.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<SocketAddr>,
    /// Requests per second.
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    rate: NonZeroU32,
    /// Requests under way at a time; at a slow origin this holds the rate down.
    #[arg(long, value_name = "NUMBER", default_value = "32")]
    at_a_time: NonZeroU32,
    /// A header line to send with each, such as 'accept-encoding: br'; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "LINE")]
    headers: Vec<String>,
    /// File with the certificates of the authorities that the edge's certificate is checked against. Default: the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// What came of it so far.
#[derive(Debug, Default)]
struct Tally {
    asked: u64,
    bytes: u64,
    by_result: BTreeMap<String, u64>,
    failures: u64,
    /// The first few.
    shown: Vec<String>,
}

/// Asks for all of them; an error if some could not be had.
pub(super) fn warm(warming: &Warming) -> Result<()> {
    let lines: Box<dyn Read> = if warming.list == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let file = std::fs::File::open(&warming.list);
        Box::new(file.with_context(|| format!("cannot read {}", warming.list.display()))?)
    };
    let urls = Urls { lines: BufReader::new(lines), number: 0 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tally = runtime.block_on(ask_for_all(urls, warming))?;
    println!("{tally}");
    if tally.asked == 0 {
        bail!("{} names no URL", warming.list.display());
    }
    if tally.failures > 0 {
        bail!("{} of {} could not be had", tally.failures, tally.asked);
    }
    Ok(())
}

async fn ask_for_all(urls: Urls<impl BufRead>, warming: &Warming) -> Result<Tally> {
    let client = client(warming)?;
    let places = Arc::new(Semaphore::new(warming.at_a_time.get() as usize));
    let mut due = interval(Duration::from_secs(1) / warming.rate.get());
    // What a slow origin held up is not made up for in a rush.
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_progress = Instant::now() + PROGRESS_EVERY;
    let (mut tally, mut under_way) = (Tally::default(), JoinSet::new());
    for url in urls {
        let url = url?;
        let place = Arc::clone(&places).acquire_owned().await?;
        due.tick().await;
        let client = client.clone();
        under_way.spawn(async move {
            let answer = ask(&client, &url).await;
            drop(place);
            (url, answer)
        });
        while let Some(done) = under_way.try_join_next() {
            let (url, answer) = done?;
            tally.count(&url, answer);
        }
        if Instant::now() >= next_progress {
            next_progress += PROGRESS_EVERY;
            eprintln!("{} asked for, {} could not be had", tally.asked, tally.failures);
        }
    }
    while let Some(done) = under_way.join_next().await {
        let (url, answer) = done?;
        tally.count(&url, answer);
    }
    Ok(tally)
}

fn client(warming: &Warming) -> Result<Client> {
    let mut client = Client::builder()
        .user_agent("floodgate-warm")
        .timeout(ANSWER_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(headers(&warming.headers)?)
        .tls_built_in_root_certs(false);
    for certificate in authorities(warming.ca.as_deref())? {
        client = client.add_root_certificate(certificate);
    }
    if let Some(to) = warming.to {
        client = client.dns_resolver(Arc::new(Everywhere(to)));
    }
    Ok(client.build()?)
}

/// Every name leads to one address. The name stays in `Host` and in TLS, for the cache knows answers by it.
struct Everywhere(SocketAddr);

impl reqwest::dns::Resolve for Everywhere {
    fn resolve(&self, _name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let found: reqwest::dns::Addrs = Box::new(std::iter::once(self.0));
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// Those of a file, or those that the system trusts, as far as they can be read.
fn authorities(file: Option<&Path>) -> Result<Vec<Certificate>> {
    const OF_SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";
    match file {
        Some(file) => {
            let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let found = Certificate::from_pem_bundle(&text)?;
            if found.is_empty() { Err(anyhow!("{} holds no certificate", file.display())) } else { Ok(found) }
        }
        None => Ok(std::fs::read(OF_SYSTEM)
            .ok()
            .map(|text| Certificate::from_pem_bundle(&text))
            .transpose()?
            .unwrap_or_default()),
    }
}

fn headers(lines: &[String]) -> Result<HeaderMap> {
    let field = |line: &String| {
        let (name, value) =
            line.split_once(':').with_context(|| format!("`{line}` is no header line: `name: value`"))?;
        let name =
            HeaderName::from_bytes(name.trim().as_bytes()).with_context(|| format!("`{name}` is no header field"))?;
        let value = HeaderValue::from_str(value.trim()).with_context(|| format!("`{value}` cannot be sent"))?;
        Ok((name, value))
    };
    lines.iter().map(field).collect()
}

/// What one answer was, and how long: its status, and what the cache nearest to us did.
async fn ask(client: &Client, url: &Url) -> reqwest::Result<(http::StatusCode, String, u64)> {
    let mut answer = client.get(url.clone()).send().await?;
    let status = answer.status();
    let cache = last_member(answer.headers());
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await? {
        bytes += chunk.len() as u64;
    }
    Ok((status, cache, bytes))
}

/// `hit`, `fwd=miss; stored` and the like: what does not differ from one object to the next.
fn last_member(headers: &HeaderMap) -> String {
    let last = headers.get_all("cache-status").iter().next_back().and_then(|value| value.to_str().ok());
    let Some(member) = last.and_then(|line| line.rsplit(',').next()) else { return "no Cache-Status".to_owned() };
    let parameters = member.split(';').skip(1).map(str::trim);
    let told = |parameter: &&str| {
        ["hit", "fwd", "stored", "collapsed"].contains(&parameter.split('=').next().unwrap_or_default())
    };
    parameters.filter(told).collect::<Vec<_>>().join("; ")
}

impl Tally {
    fn count(&mut self, url: &Url, answer: reqwest::Result<(http::StatusCode, String, u64)>) {
        self.asked += 1;
        let (result, failure) = match answer {
            Ok((status, cache, bytes)) => {
                self.bytes += bytes;
                let failed = status.is_client_error() || status.is_server_error();
                (format!("{}, {cache}", status.as_u16()), failed.then(|| format!("{url}: {status}")))
            }
            Err(error) => {
                let error = anyhow::Error::from(error.without_url());
                ("no answer".to_owned(), Some(format!("{url}: {error:#}")))
            }
        };
        *self.by_result.entry(result).or_default() += 1;
        if let Some(failure) = failure {
            self.failures += 1;
            if self.shown.len() < SHOWN_MAX {
                self.shown.push(failure);
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (result, count) in &self.by_result {
            writeln!(f, "{count:>9}  {result}")?;
        }
        write!(f, "{:>9}  in all, {} bytes", self.asked, self.bytes)?;
        self.shown.iter().try_for_each(|failure| write!(f, "\n{failure}"))?;
        match self.failures - self.shown.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// The URLs of a list, as they are read.
struct Urls<R> {
    lines: R,
    number: u64,
}

impl<R: BufRead> Iterator for Urls<R> {
    type Item = Result<Url>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = Vec::new();
            self.number += 1;
            match self.lines.by_ref().take(LINE_MAX).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error).context("cannot read the list")),
            }
            let text = line.trim_ascii();
            if !text.is_empty() && !text.starts_with(b"#") {
                return Some(url(text).with_context(|| format!("line {}", self.number)));
            }
        }
    }
}

fn url(text: &[u8]) -> Result<Url> {
    let text = str::from_utf8(text).context("not UTF-8")?;
    let hint = "an absolute URL such as `https://shop.example/`";
    let url = Url::parse(text).with_context(|| format!("`{text}` is no URL; hint: {hint}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        bail!("`{text}` is of another scheme; hint: {hint}");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<Result<String, String>> {
        let urls = Urls { lines: text.as_bytes(), number: 0 };
        urls.map(|url| url.map(|url| url.to_string()).map_err(|error| format!("{error:#}"))).collect()
    }

    #[test]
    fn a_list_has_a_url_on_each_line() {
        let text = "# the front page\nhttps://shop.example/\n\n  http://shop.example/a?b  \r\nhttps://last.example/x";
        let urls = ["https://shop.example/", "http://shop.example/a?b", "https://last.example/x"];
        assert_eq!(listed(text), urls.map(|url| Ok(url.to_owned())));
    }

    #[test]
    fn a_bad_line_is_named() {
        let problems = listed("https://a/\n/path\nftp://a/\n");
        let said = |at: usize| problems[at].as_ref().unwrap_err();
        assert!(said(1).starts_with("line 2: `/path` is no URL"), "{}", said(1));
        assert!(said(2).starts_with("line 3: `ftp://a/` is of another scheme"), "{}", said(2));
    }

    #[test]
    fn what_the_cache_did_is_told_without_what_differs_each_time() {
        let of = |lines: &[&'static str]| {
            let field = |line: &&'static str| (HeaderName::from_static("cache-status"), HeaderValue::from_static(line));
            last_member(&lines.iter().map(field).collect())
        };
        assert_eq!(of(&["floodgate; fwd=miss; stored; ttl=30"]), "fwd=miss; stored");
        assert_eq!(of(&["origin; hit", "floodgate; hit; ttl=3"]), "hit");
        assert_eq!(of(&["origin; hit, floodgate; fwd=bypass"]), "fwd=bypass");
        assert_eq!(of(&[]), "no Cache-Status");
    }
}
