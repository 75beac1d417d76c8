//! `edge purge` and `edge cache`: what they take, and what the edge said as tables.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anstyle::{AnsiColor, Style};
use clap::{Args, Subcommand};
use form_urlencoded::Serializer;

use super::{Format, running::Access};
use crate::control::cache::{DiskTier, KeyList, Order, ReceiptOfZone, StoredObject, UrlReport, ZoneState};

/// What is to be purged.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["url", "tag", "prefix", "all"]))]
pub(super) struct Purging {
    /// The YAML file, for the address and the token of the edge; it may be half edited otherwise.
    #[arg(required_unless_present_all = ["admin", "token"])]
    pub(super) file: Option<PathBuf>,
    /// Every variant of one URL, such as `https://shop.example.com/product/7?page=2`. Without `https://`, of both schemes.
    #[arg(long, value_name = "URL")]
    url: Vec<String>,
    /// Every answer with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Every URL that begins so, such as `shop.example.com/product/`.
    #[arg(long, value_name = "URL")]
    prefix: Vec<String>,
    /// Everything.
    #[arg(long, conflicts_with_all = ["url", "tag", "prefix"])]
    all: bool,
    /// In this zone alone. Default: in all.
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
    /// Make it stale rather than gone: it is revalidated when it is next asked for, and served meanwhile as long as its
    /// windows for stale answers last.
    #[arg(long)]
    soft: bool,
    /// Wait until what it reached has been counted, and its memory freed.
    #[arg(long)]
    wait: bool,
    /// Who wants it. Default: login name and host.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    pub(super) access: Access,
    /// For people, or for programs.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

impl Purging {
    /// As it is sent.
    pub(super) fn order(&self, login: String) -> Order {
        Order {
            url: self.url.clone(),
            tag: self.tag.clone(),
            prefix: self.prefix.clone(),
            all: self.all,
            zone: self.zone.clone(),
            soft: self.soft,
            wait: self.wait,
            by: Some(self.by.clone().unwrap_or(login)),
        }
    }
}

/// Which edge is asked, and for whom the answer is.
#[derive(Args)]
pub(super) struct Asked {
    #[command(flatten)]
    access: Access,
    /// For people, or for programs.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What is looked at.
#[derive(Subcommand)]
pub(super) enum Look {
    /// The zones: what they hold, how often something was found, what was purged.
    Stat {
        /// The YAML file, for the address and the token of the edge; it may be half edited otherwise.
        #[arg(required_unless_present_all = ["admin", "token"])]
        file: Option<PathBuf>,
        #[command(flatten)]
        asked: Asked,
    },
    /// The keys under which something is stored, page by page in their order.
    Keys {
        /// The YAML file, for the address and the token of the edge; it may be half edited otherwise.
        #[arg(required_unless_present_all = ["admin", "token"])]
        file: Option<PathBuf>,
        /// Of this zone. Default: the only one.
        #[arg(long, value_name = "NAME")]
        zone: Option<String>,
        /// Those of URLs that begin so, with their scheme.
        #[arg(long, value_name = "URL")]
        prefix: Option<String>,
        /// Those after this one, which the page before says.
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        asked: Asked,
    },
    /// All that is stored for one URL: each variant, until when it is fresh and why, its tags, its size.
    Inspect {
        /// The YAML file, for the address and the token of the edge; it may be half edited otherwise. With both --admin and
        /// --token it is not read, and `-` will do.
        file: PathBuf,
        /// Such as `https://shop.example.com/product/7`. Without `https://`, of both schemes.
        url: String,
        /// In this zone alone.
        #[arg(long, value_name = "NAME")]
        zone: Option<String>,
        #[command(flatten)]
        asked: Asked,
    },
}

impl Look {
    /// The edge that is asked, and for whom.
    pub(super) fn edge(&self) -> (Option<&Path>, &Access, Format) {
        let (file, asked) = match self {
            Look::Stat { file, asked } | Look::Keys { file, asked, .. } => (file.as_deref(), asked),
            Look::Inspect { file, asked, .. } => (Some(file.as_path()), asked),
        };
        (file, &asked.access, asked.format)
    }

    /// What it is asked for.
    pub(super) fn path(&self) -> String {
        let mut query = Serializer::new(String::new());
        let mut add = |name: &str, value: Option<&String>| {
            value.map(|value| query.append_pair(name, value));
        };
        let path = match self {
            Look::Stat { .. } => "/cache",
            Look::Keys { zone, prefix, after, limit, .. } => {
                add("zone", zone.as_ref());
                add("prefix", prefix.as_ref());
                add("after", after.as_ref());
                add("limit", Some(&limit.to_string()));
                "/cache/keys"
            }
            Look::Inspect { url, zone, .. } => {
                add("url", Some(url));
                add("zone", zone.as_ref());
                "/cache/object"
            }
        };
        format!("{path}?{}", query.finish())
    }
}

/// Receipts of a purge.
pub(super) fn receipts(receipts: &[ReceiptOfZone]) -> String {
    let reached = |receipt: &ReceiptOfZone| match (receipt.objects, receipt.bytes) {
        (Some(objects), Some(size)) => (objects.to_string(), bytes(size)),
        _ => ("not counted: --wait".to_owned(), String::new()),
    };
    let rows = receipts.iter().map(|receipt| {
        let (objects, size) = reached(receipt);
        let durable = if receipt.durable { "yes" } else { "NO" };
        [receipt.zone.clone(), receipt.id.to_string(), objects, size, durable.to_owned()]
    });
    let mut text = table(["ZONE", "RECEIPT", "OBJECTS", "MEMORY", "DURABLE"], rows);
    for receipt in receipts {
        if let Some(notice) = &receipt.notice {
            let style = Style::new().fg_color(Some(AnsiColor::Red.into()));
            writeln!(text, "{style}{}: {notice}{style:#}", receipt.zone).expect("a text grows");
        }
    }
    text
}

/// Zones.
pub(super) fn zones(zones: &[ZoneState]) -> String {
    let ratio = |zone: &ZoneState| {
        let found = zone.hits + zone.followed;
        match found + zone.misses {
            0 => String::new(),
            all => format!("{:.1}%", found as f64 * 100.0 / all as f64),
        }
    };
    let rows = zones.iter().map(|zone| {
        [
            zone.zone.clone(),
            zone.objects.to_string(),
            format!("{} of {}", bytes(zone.bytes), bytes(zone.limit_bytes)),
            ratio(zone),
            zone.evictions.to_string(),
            zone.purges.to_string(),
            zone.invalidations.to_string(),
            zone.purged_objects.to_string(),
            zone.disk.as_ref().map_or_else(String::new, disk),
        ]
    });
    table(["ZONE", "OBJECTS", "MEMORY", "FOUND", "EVICTED", "PURGES", "INVALIDATIONS", "PURGED", "DISK"], rows)
}

fn disk(tier: &DiskTier) -> String {
    let DiskTier { state, objects, bytes: used, limit_bytes, .. } = tier;
    format!("{state}, {objects} objects, {} of {}", bytes(*used), bytes(*limit_bytes))
}

/// A page of keys.
pub(super) fn keys(list: &KeyList) -> String {
    let rows = list.keys.iter().map(|key| [key.key.clone(), key.variants.to_string(), bytes(key.bytes)]);
    let mut text = match list.keys.as_slice() {
        [] => format!("nothing is stored in {}\n", list.zone),
        _ => table(["KEY", "VARIANTS", "MEMORY"], rows),
    };
    if let Some(next) = &list.next {
        writeln!(text, "more: --after '{next}'").expect("a text grows");
    }
    text
}

/// All that is stored for one URL.
pub(super) fn objects(report: &UrlReport) -> String {
    let mut text = String::new();
    for key in &report.on_disk_alone {
        writeln!(text, "{}\n  on disk, not in memory: what it is, `edge explain --live` says", printable(key))
            .expect("a text grows");
    }
    if report.stored.is_empty() && report.on_disk_alone.is_empty() {
        text.push_str("nothing is stored for\n");
        report.spellings.iter().for_each(|url| writeln!(text, "  {url}").expect("a text grows"));
        text.push_str("hint: `edge explain --live` says what would happen to a request, and why\n");
    }
    for object in &report.stored {
        describe(&mut text, object);
    }
    text
}

fn describe(text: &mut String, object: &StoredObject) {
    let bold = Style::new().bold();
    let fresh = match object.fresh_for_s {
        left @ 0.. => format!("fresh for {} more, until {}", seconds(left), object.fresh_until),
        past => format!("stale for {}, since {}", seconds(-past), object.fresh_until),
    };
    let stale = |window: u32| if window == 0 { "no".to_owned() } else { seconds(i64::from(window)) };
    let rows = [
        ("scope", object.scope.clone().unwrap_or_default()),
        ("variant", object.variant.clone().unwrap_or_default()),
        ("status", object.status.to_string()),
        ("zone", format!("{} ({})", object.zone, object.tiers.join(", "))),
        ("size", format!("{} of body, {} in all", bytes(object.body_bytes), bytes(object.bytes))),
        ("stored", format!("{}, age {}", object.stored_at, seconds(object.age_s.cast_signed()))),
        ("freshness", fresh),
        ("because", object.because.join("; ")),
        ("refreshing", stale(object.stale_while_revalidate_s)),
        ("on an error", stale(object.stale_if_error_s)),
        ("tags", object.tags.join(" ")),
        ("purge", object.purge.clone()),
    ];
    writeln!(text, "{bold}{}{bold:#}", printable(&object.url)).expect("a text grows");
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(text, "  {name:12}{}", printable(value)).expect("a text grows");
    }
    for (name, value) in &object.headers {
        writeln!(text, "  > {name}: {}", printable(value)).expect("a text grows");
    }
}

/// Columns below each other: the first to the left, numbers to the right.
fn table<const COLUMNS: usize>(headings: [&str; COLUMNS], rows: impl Iterator<Item = [String; COLUMNS]>) -> String {
    let rows: Vec<_> = [headings.map(str::to_owned)].into_iter().chain(rows).collect();
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = printable(cell);
            match column {
                0 => write!(line, "{cell:width$}"),
                _ => write!(line, "  {cell:>width$}"),
            }
            .expect("a text grows");
        }
        writeln!(text, "{}", line.trim_end()).expect("a text grows");
    }
    text
}

/// Without what would move the cursor of a terminal: keys and headers are other people's words.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{:.0} KiB", bytes as f64 / 1024.0),
        10_485_760..10_737_418_240 => format!("{:.0} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

fn seconds(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
