//! What clients ask for: objects by Zipf's law, as browsers ask for them.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// How many requests are drawn before they are repeated.
const DRAWN: usize = 1 << 18;
/// One in so many asks whether what it has is still the same.
const CONDITIONAL: u32 = 20;
/// The exponent of the law: the object at rank r is asked for in proportion to 1/r.
const EXPONENT: f64 = 1.0;

/// What browsers say they take of content codings, and how often of 100.
const ENCODINGS: [(&str, u32); 4] =
    [("gzip, deflate, br, zstd", 70), ("gzip, deflate, br", 20), ("gzip, deflate", 6), ("identity", 4)];

/// Requests that are the same for every server.
pub(super) struct Requests {
    /// Object, what its client takes, and whether it asks conditionally.
    drawn: Vec<(u32, u8, bool)>,
    /// Bytes of each object.
    pub(super) length: usize,
}

impl Requests {
    pub(super) fn draw(objects: usize, length: usize) -> Self {
        let mut random = StdRng::seed_from_u64(objects as u64);
        let mut sum = 0.0;
        let weight = |rank: usize| (rank as f64).powf(-EXPONENT);
        let cumulative: Vec<f64> = (1..=objects)
            .map(|rank| {
                sum += weight(rank);
                sum
            })
            .collect();
        let drawn = (0..DRAWN).map(|_| {
            let at = random.random_range(0.0..sum);
            let object = cumulative.partition_point(|end| *end < at).min(objects - 1);
            let mut share = random.random_range(0..100);
            let taken = ENCODINGS.iter().position(|(_, of)| {
                let here = share < *of;
                share = share.saturating_sub(*of);
                here
            });
            (object as u32, taken.unwrap_or(0) as u8, random.random_ratio(1, CONDITIONAL))
        });
        Self { drawn: drawn.collect(), length }
    }

    /// Writes the request at a position; whether it is conditional.
    pub(super) fn write(&self, position: usize, to: &mut Vec<u8>) -> bool {
        let (object, taken, conditional) = self.drawn[position % DRAWN];
        to.clear();
        to.extend_from_slice(b"GET ");
        target(object as usize, self.length, to);
        to.extend_from_slice(HEAD.as_bytes());
        to.extend_from_slice(ENCODINGS[usize::from(taken)].0.as_bytes());
        if conditional {
            to.extend_from_slice(b"\r\nIf-None-Match: ");
            etag(object as usize, to);
        }
        to.extend_from_slice(b"\r\n\r\n");
        conditional
    }

    /// A request for each object, so that all are stored.
    pub(super) fn write_plain(&self, object: usize, to: &mut Vec<u8>) {
        to.clear();
        to.extend_from_slice(b"GET ");
        target(object, self.length, to);
        to.extend_from_slice(HEAD.as_bytes());
        to.extend_from_slice(b"gzip\r\n\r\n");
    }

    /// The targets in the order in which they are asked for.
    pub(super) fn targets(&self, count: usize) -> impl Iterator<Item = String> + '_ {
        self.drawn.iter().take(count).map(|(object, ..)| {
            let mut to = Vec::new();
            target(*object as usize, self.length, &mut to);
            String::from_utf8(to).expect("it is ASCII")
        })
    }
}

fn target(object: usize, length: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(format!("/assets/{length}/product-{object:06}-large.webp").as_bytes());
}

/// The validator that the origin gives an object.
pub(super) fn etag(object: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(format!("\"{object:06x}-65e3a1b2\"").as_bytes());
}

/// What a browser sends with every request, up to the codings it takes.
const HEAD: &str = concat!(
    " HTTP/1.1\r\n",
    "Host: localhost\r\n",
    "Connection: keep-alive\r\n",
    "sec-ch-ua-platform: \"Windows\"\r\n",
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
     Safari/537.36\r\n",
    "sec-ch-ua: \"Google Chrome\";v=\"131\", \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"\r\n",
    "sec-ch-ua-mobile: ?0\r\n",
    "Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n",
    "Sec-Fetch-Site: same-origin\r\n",
    "Sec-Fetch-Mode: no-cors\r\n",
    "Sec-Fetch-Dest: image\r\n",
    "Referer: https://localhost/category/shoes?page=2\r\n",
    "Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7\r\n",
    "Cookie: _ga=GA1.1.1234567890.1700000000; consent=all; sid=4f1c2a7b9d3e\r\n",
    "Accept-Encoding: "
);
