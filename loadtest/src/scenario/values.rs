//! Values that sessions draw: popular things often, rare things seldom.

use rand::Rng;
use rand::rngs::StdRng;

/// A source of values for one name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// Numbers by popularity.
    Zipf(Zipf),
    /// One of these; never empty.
    OneOf(Vec<String>),
}

impl Source {
    /// The value for one session.
    pub(crate) fn draw(&self, random: &mut StdRng) -> String {
        match self {
            Source::Zipf(zipf) => zipf.at(random.random()).to_string(),
            Source::OneOf(choices) => choices[random.random_range(0..choices.len())].clone(),
        }
    }
}

/// Zipf's law over a range of numbers: the k-th number has probability proportional to 1/k^exponent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Zipf {
    first: u64,
    /// `cumulative[k]`: probability of the first k + 1 numbers.
    cumulative: Vec<f64>,
}

/// How many numbers a range may have: their table takes 8 bytes each.
pub(crate) const ZIPF_RANGE_MAX: u64 = 10_000_000;

impl Zipf {
    /// The law over `first..=last`; the range is neither empty nor longer than [`ZIPF_RANGE_MAX`].
    pub(crate) fn new(first: u64, last: u64, exponent: f64) -> Zipf {
        let mut total = 0.0;
        let mut cumulative: Vec<f64> = (1..=last - first + 1)
            .map(|rank| {
                total += (rank as f64).powf(-exponent);
                total
            })
            .collect();
        for probability in &mut cumulative {
            *probability /= total;
        }
        Zipf { first, cumulative }
    }

    /// The number at `quantile`, in [0, 1).
    fn at(&self, quantile: f64) -> u64 {
        let rank = self.cumulative.partition_point(|probability| *probability <= quantile);
        self.first + rank.min(self.cumulative.len() - 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Over 1..=3 with exponent 1 the shares are 6/11, 3/11 and 2/11.
    #[test]
    fn zipf_quantiles_fall_where_the_law_says() {
        let zipf = Zipf::new(1, 3, 1.0);
        assert_eq!([0.0, 0.545, 0.546, 0.818, 0.819, 0.999_999].map(|q| zipf.at(q)), [1, 1, 2, 2, 3, 3]);
        assert_eq!(Zipf::new(7, 7, 0.9).at(0.5), 7);
    }

    #[test]
    fn an_exponent_of_zero_is_uniform() {
        let zipf = Zipf::new(10, 13, 0.0);
        assert_eq!([0.1, 0.3, 0.6, 0.9].map(|q| zipf.at(q)), [10, 11, 12, 13]);
    }

    #[test]
    fn equal_seeds_draw_equal_values() {
        let source = Source::OneOf(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        let draw = |seed| {
            let mut random = StdRng::seed_from_u64(seed);
            (0..20).map(|_| source.draw(&mut random)).collect::<String>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
