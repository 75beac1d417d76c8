//! Files below a folder, served as a cached answer would be: parts, conditions and `HEAD` are decided by the same code.
//!
//! The kernel itself keeps a path below the folder (`openat2` with `RESOLVE_BENEATH`, Linux 5.6), so there is no moment
//! between looking and opening in which a symbolic link could be exchanged. Relative links inside are followed, links
//! out and absolute ones are not. The folder is looked up for each request: a release that is switched by a link takes effect at once. Everything
//! that waits for a disk runs on the runtime's threads for blocking work.

use std::{
    ffi::OsStr,
    fs::{File, Metadata},
    io,
    ops::Range,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, MetadataExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use config::model;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use pingora::{
    http::{RequestHeader, ResponseHeader},
    protocols::http::conditional_filter::{not_modified_filter, to_304},
    proxy::{RangeType, range_header_filter},
};
use rustix::{
    fs::{Mode, OFlags, ResolveFlags, open, openat2},
    io::Errno,
};
use tokio::task::spawn_blocking;

use super::refusal::Refusal;

/// Bytes read at a time, and held for one request.
const CHUNK: u64 = 64 * 1024;
/// How often a path is resolved again while folders are being renamed.
const RACES_MAX: usize = 8;
/// A request for more than one range gets the whole file (RFC 9110 s14.2 allows it). Pingora counts up to, not
/// including, this.
const RANGES_END: usize = 2;

/// What is asked of a folder.
pub(crate) struct Wanted<'a> {
    pub(crate) folder: &'a model::Files,
    /// The path below the folder, in its one spelling.
    pub(crate) below: &'a str,
    /// The whole path and the query, for a redirect.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// For what a range or condition asks.
    pub(crate) request: &'a RequestHeader,
    pub(crate) now: SystemTime,
}

/// The part of a file that is sent.
#[derive(Debug)]
pub(crate) struct Reader {
    file: Arc<File>,
    left: Range<u64>,
}

/// Whether a folder can be served from.
pub(crate) fn check(folder: &model::Files) -> io::Result<()> {
    beneath(&folder.root, Path::new(".")).map(drop)
}

/// The header of the answer, and what of a file follows it.
pub(crate) async fn find(wanted: &Wanted<'_>) -> Result<(ResponseHeader, Option<Reader>), Refusal> {
    let below = relative(wanted.below).ok_or(Refusal::NoFile)?;
    let as_folder = wanted.path.ends_with('/');
    let model::Files { root, index } = wanted.folder.clone();
    let opened = spawn_blocking(move || open_file(&root, &below, &index, as_folder)).await;
    match opened.map_err(|_panicked| Refusal::Internal)? {
        Ok(Some(opened)) => answer(wanted.request, opened, wanted.now).map_err(|_invalid| Refusal::Internal),
        Ok(None) => to_folder(wanted).map(|header| (header, None)).map_err(|_invalid| Refusal::Internal),
        Err(error) => {
            let refusal = refusal(&error);
            if refusal == Refusal::Internal {
                tracing::warn!(%error, folder = %wanted.folder.root.display(), "cannot open a file");
            }
            Err(refusal)
        }
    }
}

impl Reader {
    /// The next bytes; `None` at the end. A file that has become shorter is an error: its length was announced.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let (file, start) = (Arc::clone(&self.file), self.left.start);
        let size = usize::try_from((self.left.end - start).min(CHUNK)).expect("a chunk fits");
        let chunk = spawn_blocking(move || {
            let mut chunk = vec![0; size];
            file.read_exact_at(&mut chunk, start).map(|()| chunk)
        });
        let chunk = chunk.await.map_err(io::Error::other)??;
        self.left.start += chunk.len() as u64;
        Ok(Some(Bytes::from(chunk)))
    }
}

struct Opened {
    file: File,
    meta: Metadata,
    /// Path below the folder.
    name: PathBuf,
}

/// The path below the folder, decoded. `None` for what is never served: hidden files, and names that are no names. An
/// encoded slash is part of a name, and no name holds one.
fn relative(below: &str) -> Option<PathBuf> {
    let segments: Vec<_> = below.split('/').collect();
    let (last, folders) = segments.split_last()?;
    let mut relative = PathBuf::new();
    for segment in folders.iter().chain([last].into_iter().filter(|last| !last.is_empty())) {
        let name: Vec<u8> = percent_decode_str(segment).collect();
        if name.is_empty() || name.starts_with(b".") || name.iter().any(|b| matches!(b, b'/' | 0)) {
            return None;
        }
        relative.push(OsStr::from_bytes(&name));
    }
    Some(relative)
}

/// What stands at a path below a folder.
pub(crate) enum Found {
    /// This file, by its name below the folder.
    File(PathBuf),
    /// A folder that is asked for without its slash.
    Folder,
}

/// What [`find`] would answer with. Waits for the disk.
pub(crate) fn look(folder: &model::Files, below: &str, as_folder: bool) -> Result<Found, Refusal> {
    let below = relative(below).ok_or(Refusal::NoFile)?;
    match open_file(&folder.root, &below, &folder.index, as_folder) {
        Ok(Some(opened)) => Ok(Found::File(opened.name)),
        Ok(None) => Ok(Found::Folder),
        Err(error) => Err(refusal(&error)),
    }
}

/// The file for a path, or that of the folder there; `None` for a folder that is asked for without its slash.
fn open_file(root: &Path, below: &Path, index: &str, as_folder: bool) -> io::Result<Option<Opened>> {
    // Never an empty path: that of the folder itself is `./`.
    let mut name = Path::new(".").join(below);
    let (mut file, mut meta) = beneath(root, &name)?;
    match (meta.is_dir(), as_folder) {
        (true, false) => return Ok(None),
        (true, true) => {
            name.push(index);
            (file, meta) = beneath(root, &name)?;
        }
        (false, true) => return Err(io::ErrorKind::NotFound.into()),
        (false, false) => {}
    }
    if meta.is_file() { Ok(Some(Opened { file, meta, name })) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Opens what lies below a folder.
fn beneath(root: &Path, relative: &Path) -> io::Result<(File, Metadata)> {
    let root = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    // A pipe must not be waited for.
    let how = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut opened = Err(Errno::AGAIN);
    for _ in 0..RACES_MAX {
        opened = openat2(&root, relative, how, Mode::empty(), resolve);
        if !matches!(opened, Err(Errno::AGAIN)) {
            break;
        }
    }
    let file = File::from(opened?);
    let meta = file.metadata()?;
    Ok((file, meta))
}

/// What a failure says: something about this machine, about how the file was put there, or about the path alone.
fn refusal(error: &io::Error) -> Refusal {
    match Errno::from_io_error(error) {
        Some(Errno::AGAIN | Errno::IO | Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOSYS | Errno::PERM) => {
            Refusal::Internal
        }
        // Of its permissions, and of a link that is not followed: no path can lead out without one.
        Some(Errno::ACCESS | Errno::XDEV | Errno::LOOP) => Refusal::ClosedFile,
        _ => Refusal::NoFile,
    }
}

fn answer(
    request: &RequestHeader,
    opened: Opened,
    now: SystemTime,
) -> pingora::Result<(ResponseHeader, Option<Reader>)> {
    let Opened { file, meta, name } = opened;
    let mut header = ResponseHeader::build(200, Some(8))?;
    header.insert_header(header::CONTENT_TYPE, content_type(&name))?;
    header.insert_header(header::CONTENT_LENGTH, meta.len())?;
    // As nginx makes them: what is changed twice within the clock's step keeps its length as a distinction.
    let tag = format!("\"{:x}.{:x}-{:x}\"", meta.mtime(), meta.mtime_nsec(), meta.len());
    let modified = meta.modified().ok().and_then(|modified| last_modified(modified, now));
    if precondition_fails(&request.headers, &tag, modified.as_deref()) {
        let mut header = ResponseHeader::build(412, Some(4))?;
        header.insert_header(header::CONTENT_LENGTH, 0)?;
        return Ok((header, None));
    }
    header.insert_header(header::ETAG, tag)?;
    if let Some(modified) = modified {
        header.insert_header(header::LAST_MODIFIED, modified)?;
    }
    if not_modified_filter(request, &header) {
        to_304(&mut header);
        return Ok((header, None));
    }
    // A range of what `HEAD` does not send means nothing (RFC 9110 s14.2).
    let range = match request.method {
        http::Method::GET => range_header_filter(request, &mut header, Some(RANGES_END)),
        _ => RangeType::None,
    };
    let left = match range {
        RangeType::Single(range) => range.start as u64..range.end as u64,
        RangeType::Invalid => 0..0,
        RangeType::None | RangeType::Multi(_) => 0..meta.len(),
    };
    Ok((header, Some(Reader { file: Arc::new(file), left })))
}

/// Whether the client wants the file in another state than it is in (RFC 9110 s13.2.2, the first two steps). `modified` is
/// the date that would be sent.
fn precondition_fails(headers: &HeaderMap, tag: &str, modified: Option<&str>) -> bool {
    let text = |name| headers.get_all(name).iter().filter_map(|line: &http::HeaderValue| line.to_str().ok());
    if headers.contains_key(header::IF_MATCH) {
        let mut tags = text(header::IF_MATCH).flat_map(|line| line.split(',')).map(str::trim);
        return !tags.any(|wanted| wanted == "*" || wanted == tag);
    }
    let since = text(header::IF_UNMODIFIED_SINCE).next().and_then(|date| httpdate::parse_http_date(date).ok());
    let modified = modified.and_then(|date| httpdate::parse_http_date(date).ok());
    since.zip(modified).is_some_and(|(since, modified)| modified > since)
}

/// The date as it can be sent: never in the future (RFC 9110 s8.8.2.1), and none that the format cannot hold.
fn last_modified(modified: SystemTime, now: SystemTime) -> Option<String> {
    let writable = modified.duration_since(SystemTime::UNIX_EPOCH).is_ok();
    writable.then(|| httpdate::fmt_http_date(modified.min(now)))
}

/// By the name's ending; text is UTF-8, as every editor writes it today.
fn content_type(name: &Path) -> String {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    if guess.type_() == mime_guess::mime::TEXT { format!("{guess}; charset=utf-8") } else { guess.to_string() }
}

/// A folder is asked for with its slash, or links on its page would start one level too high.
fn to_folder(wanted: &Wanted<'_>) -> pingora::Result<ResponseHeader> {
    let mut header = ResponseHeader::build(308, Some(4))?;
    header.insert_header(header::LOCATION, with_slash(wanted.path, wanted.query))?;
    header.insert_header(header::CONTENT_LENGTH, 0)?;
    Ok(header)
}

/// Where a folder is. One slash at the front: two would name another host.
pub(crate) fn with_slash(path: &str, query: Option<&str>) -> String {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}/{query}", path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_another_state_than_wanted_is_not_sent() {
        let (tag, modified) = ("\"1.2-3\"", Some("Thu, 01 Jan 1970 00:00:10 GMT"));
        let fails = |name: header::HeaderName, value: &str| {
            precondition_fails(&HeaderMap::from_iter([(name, value.parse().unwrap())]), tag, modified)
        };
        for (name, value, expected) in [
            (header::IF_MATCH, "*", false),
            (header::IF_MATCH, "\"x\", \"1.2-3\"", false),
            (header::IF_MATCH, "\"x\"", true),
            (header::IF_MATCH, "W/\"1.2-3\"", true),
            (header::IF_UNMODIFIED_SINCE, "Thu, 01 Jan 1970 00:00:10 GMT", false),
            (header::IF_UNMODIFIED_SINCE, "Thu, 01 Jan 1970 00:00:09 GMT", true),
            (header::IF_UNMODIFIED_SINCE, "nonsense", false),
            (header::ACCEPT, "*/*", false),
        ] {
            assert_eq!(fails(name.clone(), value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_date_that_cannot_be_sent_is_left_out_and_the_future_is_now() {
        let at = |s| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(s);
        let before = SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
        assert_eq!(last_modified(before, at(10)), None);
        assert_eq!(last_modified(at(5), at(10)), last_modified(at(5), at(20)));
        assert_eq!(last_modified(at(400_000_000_000), at(10)).as_deref(), Some("Thu, 01 Jan 1970 00:00:10 GMT"));
    }

    #[test]
    fn only_plain_names_lead_below() {
        for (below, relative_path) in [
            ("", Some("")),
            ("a.txt", Some("a.txt")),
            ("a/b/", Some("a/b")),
            ("%C3%A9%20x", Some("é x")),
            ("a//b", None),
            ("/a", None),
            ("..%2Fx", None),
            ("a%2Fb", None),
            (".git/config", None),
            ("a/.env", None),
            ("..", None),
            ("a/../b", None),
            ("a%00b", None),
        ] {
            assert_eq!(relative(below).as_deref(), relative_path.map(Path::new), "{below}");
        }
    }

    #[test]
    fn a_link_that_leaves_the_folder_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("public");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        std::fs::write(root.join("sub/page"), "page").unwrap();
        std::os::unix::fs::symlink("../secret", root.join("relative")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("absolute")).unwrap();
        std::os::unix::fs::symlink(root.join("sub/page"), root.join("absolute_inside")).unwrap();
        std::os::unix::fs::symlink("/proc/self/root", root.join("magic")).unwrap();
        std::os::unix::fs::symlink("sub/page", root.join("inside")).unwrap();
        for out in ["relative", "absolute", "absolute_inside", "magic/etc/hostname", "../secret"] {
            let error = beneath(&root, Path::new(out)).unwrap_err();
            assert_eq!(refusal(&error), Refusal::ClosedFile, "{out}: {error}");
        }
        assert!(beneath(&root, Path::new("inside")).unwrap().1.is_file());
    }

    #[test]
    fn an_operator_can_tell_a_file_that_is_closed_from_one_that_is_not_there() {
        for (code, refused) in [
            (Errno::ACCESS, Refusal::ClosedFile),
            (Errno::NOENT, Refusal::NoFile),
            (Errno::NOTDIR, Refusal::NoFile),
            (Errno::MFILE, Refusal::Internal),
        ] {
            assert_eq!(refusal(&code.into()), refused, "{code}");
        }
        assert_eq!(refusal(&io::ErrorKind::NotFound.into()), Refusal::NoFile);
    }

    #[test]
    fn text_says_how_it_is_encoded() {
        for (name, content_type_of) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.CSS", "text/css; charset=utf-8"),
            ("a.svg", "image/svg+xml"),
            ("a.unknown-ending", "application/octet-stream"),
            ("a", "application/octet-stream"),
        ] {
            assert_eq!(content_type(Path::new(name)), content_type_of);
        }
    }
}
