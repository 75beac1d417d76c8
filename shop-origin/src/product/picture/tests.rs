//! What every picture must always be.

use super::*;

fn every_picture() -> impl Iterator<Item = Picture> {
    Kind::ALL.iter().enumerate().flat_map(|(place, kind)| {
        [View::Front, View::Close, View::Pair(Tone::Amber)].into_iter().enumerate().map(move |(view_place, view)| {
            Picture::new(*kind, Tone::ALL[(place + view_place) % 12], place as u64, view)
        })
    })
}

/// Checks nesting, quoting and stray characters, which is all that can go wrong in what is drawn here.
fn check_well_formed(svg: &str) -> Result<(), String> {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let text = rest[..start].trim();
        if !text.is_empty() {
            return Err(format!("text between tags: {text}"));
        }
        let end = rest[start..].find('>').ok_or("a tag is not closed")? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let expected = open.pop();
            if expected != Some(name) {
                return Err(format!("</{name}> closes {expected:?}"));
            }
            continue;
        }
        if !['\'', '"'].iter().all(|quote| tag.matches(*quote).count().is_multiple_of(2))
            || tag.contains(['<', '&', '{', '}'])
        {
            return Err(format!("bad tag: <{tag}>"));
        }
        if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or(""));
        }
    }
    if open.is_empty() && rest.trim().is_empty() { Ok(()) } else { Err(format!("left open: {open:?} {rest}")) }
}

#[test]
fn the_check_finds_what_is_not_well_formed() {
    for bad in
        ["<svg>", "<svg></g>", "<svg>&amp;</svg>", "<svg a='1></svg>", "<svg><path fill='{main}'/></svg>", "<svg"]
    {
        assert!(check_well_formed(bad).is_err(), "{bad}");
    }
    assert_eq!(check_well_formed("<svg a='1'><g><path/></g></svg>"), Ok(()));
}

#[test]
fn every_picture_is_well_formed_small_and_without_scripts() {
    for picture in every_picture() {
        let svg = picture.svg();
        assert_eq!(check_well_formed(&svg), Ok(()), "{picture:?}");
        assert!(svg.len() < 6 * 1024, "{picture:?} has {} bytes", svg.len());
        for unwanted in ["script", "href", "style", "url(http", " on"] {
            assert!(!svg.contains(unwanted), "{picture:?} contains {unwanted}");
        }
    }
}

#[test]
fn equal_arguments_give_equal_bytes_and_every_argument_counts() {
    let picture = Picture::new(Kind::Kettle, Tone::Sage, 1, View::Front);
    assert_eq!(picture.svg(), Picture::new(Kind::Kettle, Tone::Sage, 1 + scene::COUNT, View::Front).svg());
    for other in [
        Picture::new(Kind::Pot, Tone::Sage, 1, View::Front),
        Picture::new(Kind::Kettle, Tone::Clay, 1, View::Front),
        Picture::new(Kind::Kettle, Tone::Sage, 2, View::Front),
        Picture::new(Kind::Kettle, Tone::Sage, 1, View::Pair(Tone::Sky)),
    ] {
        assert_ne!(picture.svg(), other.svg());
    }
}

#[test]
fn no_two_kinds_share_a_drawing() {
    let drawings: std::collections::HashSet<&str> = Kind::ALL.iter().map(|kind| kind.drawing()).collect();
    assert_eq!(drawings.len(), Kind::ALL.len());
}
