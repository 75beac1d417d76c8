//! Decisions about the catalogue that need no data: what a search means, and where a page of results begins.

/// Terms beyond this are ignored: nobody types more by hand.
const TERMS_MAX: usize = 8;
const TERM_CHARS_MAX: usize = 40;
/// The index is made of three-letter pieces, and cannot find anything shorter.
const INDEXED_CHARS_MIN: usize = 3;

/// What somebody searches for, made harmless: no text can turn into index syntax or SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    indexed: Vec<String>,
    short: Vec<String>,
}

impl Terms {
    /// Splits at anything but letters and digits; `None` when nothing is left to search for.
    pub(crate) fn parse(text: &str) -> Option<Terms> {
        let words = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| word.chars().take(TERM_CHARS_MAX).collect::<String>())
            .take(TERMS_MAX);
        let (indexed, short): (Vec<_>, Vec<_>) = words.partition(|word| word.chars().count() >= INDEXED_CHARS_MIN);
        (!indexed.is_empty() || !short.is_empty()).then_some(Terms { indexed, short })
    }

    /// For `MATCH`: every term as a quoted string. Terms hold letters and digits only, so none can end its quotes.
    pub(super) fn match_expression(&self) -> Option<String> {
        let quoted: Vec<String> = self.indexed.iter().map(|term| format!("\"{term}\"")).collect();
        (!quoted.is_empty()).then(|| quoted.join(" AND "))
    }

    /// For `LIKE`: terms too short for the index. Letters and digits are no wildcards.
    pub(super) fn like_patterns(&self) -> impl Iterator<Item = String> {
        self.short.iter().map(|term| format!("%{term}%"))
    }
}

/// In which order products are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Best match first; without a search the same as `Popular`.
    Relevance,
    Popular,
    PriceUp,
    PriceDown,
    Discount,
}

impl Sort {
    pub(crate) const ALL: [Sort; 5] = [Sort::Relevance, Sort::Popular, Sort::PriceUp, Sort::PriceDown, Sort::Discount];

    /// As it stands in a URL.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Sort::Relevance => "relevance",
            Sort::Popular => "popular",
            Sort::PriceUp => "price-asc",
            Sort::PriceDown => "price-desc",
            Sort::Discount => "discount",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Sort::Relevance => "Best match",
            Sort::Popular => "Most popular",
            Sort::PriceUp => "Price: low to high",
            Sort::PriceDown => "Price: high to low",
            Sort::Discount => "Biggest discount",
        }
    }

    pub(crate) fn from_key(key: &str) -> Option<Sort> {
        Sort::ALL.into_iter().find(|sort| sort.key() == key)
    }
}

/// Pages of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paging {
    /// From 1.
    pub(crate) page: u32,
    pub(crate) size: u32,
}

impl Paging {
    /// Deeper pages are refused: each costs the rows before it, and only robots ask for them.
    pub(crate) const PAGE_MAX: u32 = 500;

    pub(crate) fn offset(self) -> u32 {
        (self.page - 1) * self.size
    }

    /// How many pages `total` products fill; at least one.
    pub(crate) fn pages(self, total: u32) -> u32 {
        total.div_ceil(self.size).clamp(1, Paging::PAGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_harmless_terms() {
        let terms = Terms::parse(r#"Wasch-maschine" OR 1=1; -- 'x' NEAR( tv *"#).unwrap();
        assert_eq!(terms.match_expression().unwrap(), r#""Wasch" AND "maschine" AND "NEAR""#);
        assert_eq!(terms.like_patterns().collect::<Vec<_>>(), ["%OR%", "%1%", "%1%", "%x%", "%tv%"]);
        assert_eq!(Terms::parse("\"'%_*()\0 -"), None);
    }

    #[test]
    fn length_and_number_of_terms_are_bounded() {
        let terms = Terms::parse(&format!("{} {}", "a".repeat(10_000), "bcd ".repeat(100))).unwrap();
        assert_eq!(terms.indexed.len(), TERMS_MAX);
        assert_eq!(terms.indexed[0].len(), TERM_CHARS_MAX);
    }

    #[test]
    fn pages_are_counted_from_one_and_capped() {
        let paging = Paging { page: 3, size: 24 };
        assert_eq!(paging.offset(), 48);
        assert_eq!([0, 24, 25, u32::MAX].map(|total| paging.pages(total)), [1, 1, 2, Paging::PAGE_MAX]);
    }

    #[test]
    fn every_sort_is_found_by_its_key() {
        assert!(Sort::ALL.iter().all(|sort| Sort::from_key(sort.key()) == Some(*sort)));
        assert_eq!(Sort::from_key("price; DROP TABLE"), None);
    }
}
