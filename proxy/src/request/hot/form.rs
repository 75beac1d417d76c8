//! The header of a stored answer, as it leaves on one route: rendered once, with marks where each answer has its own.

use std::time::SystemTime;

use bytes::{BufMut, BytesMut};
use config::model::Coding;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use memchr::memmem;
use pingora::{http::ResponseHeader, protocols::http::conditional_filter::to_304};

use crate::{
    request::{
        answer,
        coding::{self, number},
        respond,
    },
    snapshot::Route,
};

/// What of a stored answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// That the client has it already, and no body.
    pub(super) not_modified: bool,
    /// The coding of the body, and the bytes that it has in that; `None` as it was stored.
    pub(super) coded: Option<(Coding, u64)>,
    /// Whether it may go out in several forms.
    pub(super) has_forms: bool,
    /// The bytes of the body as it was stored; what came in chunks says so now.
    pub(super) length: u64,
}

impl Form {
    /// The place of a form in HTTP/1.1, or HTTP/2, beside the other forms of the same header.
    pub(super) fn place(self, http2: bool) -> usize {
        const CODINGS: usize = Coding::ALL.len() + 1;
        let coding = self.coded.map_or(0, |(coding, _)| 1 + number(coding));
        const { assert!(4 * CODINGS == cache::FORMS, "each form has its place") };
        (usize::from(http2) * 2 + usize::from(self.not_modified)) * CODINGS + coding
    }
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The header says how long it is, or that there is none.
    Length,
    /// In chunks: the header of the stored answer does not say.
    Chunked,
}

/// What each answer has of its own.
pub(super) struct Own<'a> {
    pub(super) age_s: u64,
    /// `Cache-Status`, of this cache.
    pub(super) status: String,
    /// `X-Request-Id`.
    pub(super) id: &'a str,
    /// For `Date`, where the origin gave none.
    pub(super) now: SystemTime,
}

impl Own<'_> {
    fn write(&self, which: Which, to: &mut impl BufMut) {
        match which {
            Which::Age => put_number(self.age_s, to),
            Which::Status => to.put_slice(self.status.as_bytes()),
            Which::Id => to.put_slice(self.id.as_bytes()),
            Which::Date => to.put_slice(httpdate::fmt_http_date(self.now).as_bytes()),
        }
    }
}

fn put_number(mut number: u64, to: &mut impl BufMut) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return to.put_slice(&digits[at..]);
        }
    }
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Age,
    Status,
    Id,
    Date,
}

/// What stands in their place until then: drawn anew for each rendering, so that no origin can have written it.
struct Marks([(Which, String); 4]);

impl Marks {
    fn draw() -> Self {
        let mark = |which| (which, format!("{:032x}", rand::random::<u128>()));
        Self([Which::Age, Which::Status, Which::Id, Which::Date].map(mark))
    }

    fn of(&self, wanted: Which) -> &str {
        let mark = self.0.iter().find(|(which, _)| *which == wanted);
        mark.map(|(_, mark)| mark.as_str()).expect("there is one of each")
    }
}

/// The header that the whole way would send of a stored one; `None` if it cannot be made.
fn dressed(
    stored: &ResponseHeader,
    route: &Route,
    form: Form,
    via: &HeaderValue,
    marks: &Marks,
) -> Option<ResponseHeader> {
    let mut header = stored.clone();
    header.insert_header(header::AGE, marks.of(Which::Age)).ok()?;
    header.set_version(Version::HTTP_11);
    if header.status != StatusCode::NO_CONTENT && !header.headers.contains_key(header::CONTENT_LENGTH) {
        header.insert_header(header::CONTENT_LENGTH, form.length).ok()?;
    }
    if form.not_modified {
        to_304(&mut header);
    }
    // As Pingora's filter of ranges does, where none is asked for.
    if header.status == StatusCode::OK && header.headers.contains_key(header::CONTENT_LENGTH) {
        header.insert_header(header::ACCEPT_RANGES, "bytes").ok()?;
    }
    if let Some((policy, _)) = route.caching() {
        policy.tags.headers.iter().for_each(|name| drop(header.remove_header(name.as_str())));
    }
    respond::introduce(&mut header, marks.of(Which::Status), marks.of(Which::Id), via).ok()?;
    coding::serve::tell_form(&mut header, form.has_forms, form.coded).ok()?;
    answer::complete_for_all(&mut header, route).ok()?;
    Some(header)
}

/// A header as HTTP/1.1 has it.
pub(super) struct Text {
    text: Box<[u8]>,
    /// Where each answer has its own, and what.
    gaps: Box<[(usize, Which)]>,
    framing: Framing,
}

impl Text {
    /// Renders it, and says how many bytes it takes.
    pub(super) fn render(
        stored: &ResponseHeader,
        route: &Route,
        form: Form,
        via: &HeaderValue,
    ) -> Option<(Self, usize)> {
        let marks = Marks::draw();
        let date = stored.headers.get(header::DATE).cloned();
        let mut header = dressed(stored, route, form, via, &marks)?;
        let date = date.map_or_else(|| HeaderValue::from_str(marks.of(Which::Date)).ok(), Some)?;
        header.insert_header(header::DATE, date).ok()?;
        header.insert_header(header::CONNECTION, "keep-alive").ok()?;
        let chunked = header.headers.contains_key(header::TRANSFER_ENCODING);
        let framing = if chunked { Framing::Chunked } else { Framing::Length };
        let mut text = BytesMut::with_capacity(1024);
        text.put_slice(b"HTTP/1.1 ");
        text.put_slice(header.status.as_str().as_bytes());
        text.put_u8(b' ');
        text.put_slice(header.get_reason_phrase().unwrap_or_default().as_bytes());
        text.put_slice(b"\r\n");
        header.header_to_h1_wire(&mut text);
        text.put_slice(b"\r\n");
        let mut found: Vec<_> = marks
            .0
            .iter()
            .flat_map(|(which, mark)| memmem::find_iter(&text, mark).map(|at| (at, *which)).collect::<Vec<_>>())
            .collect();
        found.sort_unstable_by_key(|(at, _)| *at);
        let length = marks.of(Which::Age).len();
        let (mut rest, mut gaps, mut from) = (Vec::with_capacity(text.len()), Vec::new(), 0);
        for (at, which) in found {
            rest.extend_from_slice(&text[from..at]);
            gaps.push((rest.len(), which));
            from = at + length;
        }
        rest.extend_from_slice(&text[from..]);
        let (text, gaps) = (rest.into_boxed_slice(), gaps.into_boxed_slice());
        let bytes = text.len() + size_of_val(&*gaps);
        Some((Self { text, gaps, framing }, bytes))
    }

    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// Appends it, with what an answer has of its own.
    pub(super) fn write(&self, own: &Own<'_>, to: &mut BytesMut) {
        to.reserve(self.text.len() + 160);
        let mut from = 0;
        for (at, which) in &self.gaps {
            to.put_slice(&self.text[from..*at]);
            own.write(*which, to);
            from = *at;
        }
        to.put_slice(&self.text[from..]);
    }
}

/// A header as HTTP/2 has it.
pub(super) struct Fields {
    status: StatusCode,
    fields: HeaderMap,
    marks: Marks,
}

impl Fields {
    /// Makes it, and says how many bytes it takes at most.
    pub(super) fn render(
        stored: &ResponseHeader,
        route: &Route,
        form: Form,
        via: &HeaderValue,
    ) -> Option<(Self, usize)> {
        let marks = Marks::draw();
        let mut header = dressed(stored, route, form, via, &marks)?;
        respond::suit_http2(&mut header);
        if !header.headers.contains_key(header::DATE) {
            header.insert_header(header::DATE, marks.of(Which::Date)).ok()?;
        }
        let fields = header.headers.clone(); // without the spare capacity
        let text: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let bytes = fields.capacity() * 128 + text + 4 * 32;
        Some((Self { status: header.status, fields, marks }, bytes))
    }

    /// A copy of it, with what an answer has of its own.
    pub(super) fn fill(&self, own: &Own<'_>) -> Option<Response<()>> {
        let mut fields = self.fields.clone();
        for value in fields.values_mut() {
            let mark = self.marks.0.iter().find(|(_, mark)| value.as_bytes() == mark.as_bytes());
            if let Some((which, _)) = mark {
                let mut text = BytesMut::with_capacity(48);
                own.write(*which, &mut text);
                *value = HeaderValue::from_maybe_shared(text.freeze()).ok()?;
            }
        }
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        *response.version_mut() = Version::HTTP_2;
        *response.headers_mut() = fields;
        Some(response)
    }
}
