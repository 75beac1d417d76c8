//! Where things stand: four quiet backdrops and the shadow on the ground.

use super::tone::Tone;

/// How many backdrops there are.
pub(super) const COUNT: u64 = 4;

/// Ground and backdrop. Identifiers inside are safe to repeat, as every picture is a document of its own.
pub(super) fn backdrop(scene: u8, tone: Tone) -> String {
    let (pale, soft) = tone.ground();
    let motif = match scene {
        0 => "<circle cx=\"200\" cy=\"196\" r=\"150\" fill=\"#fff\" opacity=\".5\"/>",
        1 => "<path d=\"M70 400V200a130 130 0 0 1 260 0v200z\" fill=\"#fff\" opacity=\".45\"/>",
        2 => "<path d=\"M0 300h400v100H0z\" fill=\"#fff\" opacity=\".42\"/>",
        _ => {
            "<circle cx=\"318\" cy=\"92\" r=\"118\" fill=\"#fff\" opacity=\".38\"/>\
             <circle cx=\"62\" cy=\"330\" r=\"92\" fill=\"#fff\" opacity=\".38\"/>"
        }
    };
    format!(
        "<defs><linearGradient id=\"g\" x2=\"0\" y2=\"1\"><stop stop-color=\"{pale}\"/>\
         <stop offset=\"1\" stop-color=\"{soft}\"/></linearGradient></defs>\
         <rect width=\"400\" height=\"400\" fill=\"url(#g)\"/>{motif}"
    )
}

/// The soft shadow of something `width` wide that stands around `centre`.
pub(super) fn shadow(centre: u32, width: u32) -> String {
    let (outer, inner) = (width / 2 + 14, width / 2 - width / 8);
    format!(
        "<ellipse cx=\"{centre}\" cy=\"332\" rx=\"{outer}\" ry=\"13\" fill=\"#2a3142\" opacity=\".1\"/>\
         <ellipse cx=\"{centre}\" cy=\"331\" rx=\"{inner}\" ry=\"7\" fill=\"#2a3142\" opacity=\".16\"/>"
    )
}
