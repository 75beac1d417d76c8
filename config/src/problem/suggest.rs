//! "Did you mean": the nearest of the words that would have been right.

/// Longer words are no slip of the hand; comparing them costs their product.
const LENGTH_MAX: usize = 64;
/// More words than this are not compared: a file may have thousands of names, and thousands of slips.
const COMPARED_MAX: usize = 200;
/// More words than this are not listed.
const LISTED_MAX: usize = 12;

/// A hint for `wrong` out of the words that are right here; `None` if there are no such words.
pub(crate) fn hint<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let right: Vec<&str> = right.into_iter().collect();
    if let Some(word) = nearest(wrong, right.iter().copied()) {
        return Some(format!("did you mean `{word}`?"));
    }
    let listed: Vec<String> = right.iter().take(LISTED_MAX).map(|word| format!("`{word}`")).collect();
    match listed.len() {
        0 => None,
        1 => Some(format!("only {} is known here", listed[0])),
        n if n < right.len() => Some(format!("known here are {} and {} more", listed.join(", "), right.len() - n)),
        _ => Some(format!("known here are {}", listed.join(", "))),
    }
}

/// The word that `wrong` was most likely meant to be.
pub(crate) fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = plain(wrong)?;
    let slips_max = (wrong.len() / 3).max(1);
    right
        .into_iter()
        .take(COMPARED_MAX)
        .filter(|word| word.len().abs_diff(wrong.len()) <= slips_max)
        .filter_map(|word| Some((distance(&wrong, &plain(word)?), word)))
        .filter(|(distance, _)| *distance <= slips_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Without case, and with `-` and `_` alike; `None` if too long.
fn plain(word: &str) -> Option<Vec<char>> {
    let plain: Vec<char> =
        word.chars().take(LENGTH_MAX + 1).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect();
    (plain.len() <= LENGTH_MAX).then_some(plain)
}

/// Letters to insert, remove, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_recognised() {
        let keys = ["pool", "class", "max_body", "cache"];
        for (wrong, right) in [("poll", "pool"), ("clsas", "class"), ("max-body", "max_body"), ("Cache", "cache")] {
            assert_eq!(hint(wrong, keys), Some(format!("did you mean `{right}`?")), "{wrong}");
        }
    }

    #[test]
    fn what_resembles_nothing_gets_the_list() {
        assert_eq!(hint("xyz", ["pool", "class"]).as_deref(), Some("known here are `pool`, `class`"));
        assert_eq!(hint("xyz", ["pool"]).as_deref(), Some("only `pool` is known here"));
        assert_eq!(hint("xyz", []), None);
    }

    #[test]
    fn a_huge_word_is_not_compared() {
        assert_eq!(nearest(&"a".repeat(1 << 20), ["a"]), None);
    }
}
