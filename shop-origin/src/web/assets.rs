//! The files that pages load beside themselves: embedded in the program, served under a name that holds their hash.
//!
//! A name changes whenever its bytes do, so every answer may be kept for ever, and two versions of the shop that run side
//! by side during a roll-out never mix their style sheets.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// Below which path the shop serves these files.
const FOLDER: &str = "/assets/";
/// 48 bits of the hash: enough to tell versions of one file apart, short enough to read.
const HASH_BYTES: usize = 6;

/// File name, content type, bytes.
const FILES: [(&str, &str, &[u8]); 6] = [
    ("style.css", "text/css; charset=utf-8", include_bytes!("../../assets/style.css")),
    ("shop.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/shop.js")),
    ("logo.svg", "image/svg+xml", include_bytes!("../../assets/logo.svg")),
    ("favicon.svg", "image/svg+xml", include_bytes!("../../assets/favicon.svg")),
    ("provider.css", "text/css; charset=utf-8", include_bytes!("../../assets/provider.css")),
    ("provider.svg", "image/svg+xml", include_bytes!("../../assets/provider.svg")),
];

struct Asset {
    name: &'static str,
    hashed: String,
    content_type: &'static str,
    bytes: &'static [u8],
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let named = |(name, content_type, bytes): (&'static str, _, &'static [u8])| Asset {
        name,
        hashed: hashed_name(name, bytes),
        content_type,
        bytes,
    };
    FILES.into_iter().map(named).collect()
});

/// `url("style.css")` is "/assets/style.0a1b2c3d4e5f.css".
///
/// # Panics
/// If there is no such file, which is a mistake in a template.
pub(crate) fn url(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name).expect("templates name files that are embedded");
    format!("{FOLDER}{}", asset.hashed)
}

/// The content type and the bytes of the file with this hashed name (without folder); nothing for any other name.
pub(crate) fn find(hashed: &str) -> Option<(&'static str, &'static [u8])> {
    ASSETS.iter().find(|asset| asset.hashed == hashed).map(|asset| (asset.content_type, asset.bytes))
}

fn hashed_name(name: &str, bytes: &[u8]) -> String {
    let (stem, extension) = name.rsplit_once('.').expect("every file has an extension");
    let hash: String = Sha256::digest(bytes).iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("{stem}.{hash}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_under_the_url_that_pages_use() {
        for (name, content_type, bytes) in FILES {
            let url = url(name);
            assert_eq!(find(url.strip_prefix(FOLDER).expect("in the folder")), Some((content_type, bytes)));
        }
    }

    #[test]
    fn only_exact_hashed_names_are_found() {
        let good = url("style.css").replace(FOLDER, "");
        for bad in ["style.css", "", "../Cargo.toml", &good.to_uppercase(), &format!("{good}.map")] {
            assert_eq!(find(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_changes_with_the_bytes() {
        assert_ne!(hashed_name("a.css", b"one"), hashed_name("a.css", b"two"));
        assert_eq!(hashed_name("a.css", b""), "a.e3b0c44298fc.css");
    }
}
