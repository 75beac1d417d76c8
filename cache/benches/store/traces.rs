//! Requests in the order in which they come, each a number that stands for an object.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Objects that are asked for again and again.
pub(crate) const KEYS: usize = 100_000;
const REQUESTS: usize = 1_000_000;
/// The shop's goods are renewed in so many steps over the trace.
const SHIFTS: usize = 10;

/// A trace and what it is called.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) requests: Vec<u32>,
}

/// All of them, the same ones each time.
pub(crate) fn all() -> [Trace; 4] {
    [
        Trace { name: "Zipf 0.8", requests: zipf(0.8, 0.0) },
        Trace { name: "Zipf 1.0", requests: zipf(1.0, 0.0) },
        Trace { name: "Zipf 1.0, 20 % asked for once", requests: zipf(1.0, 0.2) },
        Trace { name: "shop", requests: shop() },
    ]
}

/// Ranks drawn by Zipf's law.
struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    fn new(ranks: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let up_to = |rank: usize| {
            sum += (rank as f64).powf(-exponent);
            sum
        };
        Zipf { sums: (1..=ranks).map(up_to).collect() }
    }

    fn draw(&self, random: &mut StdRng) -> u32 {
        let point = random.random_range(0.0..*self.sums.last().expect("at least one rank"));
        self.sums.partition_point(|below| *below <= point) as u32
    }
}

/// Requests as the independent reference model draws them, and a share of them that never come again.
fn zipf(exponent: f64, once: f64) -> Vec<u32> {
    let (ranks, mut random) = (Zipf::new(KEYS, exponent), StdRng::seed_from_u64(42));
    let mut never_again = KEYS as u32;
    let draw = |_| {
        if once > 0.0 && random.random_bool(once) {
            never_again += 1;
            return never_again;
        }
        ranks.draw(&mut random)
    };
    (0..REQUESTS).map(draw).collect()
}

/// A shop on a day of sales, as a model: its parts are guesses and not measured anywhere.
///
/// Half of the requests are for products, a quarter for the pictures and scripts that all pages share, fifteen in a hundred
/// for lists, of which half are searches that nobody repeats, and ten for the offers of the hour, which are others in each
/// tenth of the trace, as some of the products in favour are.
fn shop() -> Vec<u32> {
    const PRODUCTS: usize = 60_000;
    const SHARED: usize = 2_000;
    const LISTS: usize = 20_000;
    const OFFERS: usize = 500;
    let (products, shared) = (Zipf::new(PRODUCTS, 0.9), Zipf::new(SHARED, 1.2));
    let (lists, offers) = (Zipf::new(LISTS, 0.9), Zipf::new(OFFERS, 0.8));
    let mut random = StdRng::seed_from_u64(7);
    let mut never_again = KEYS as u32 * 2;
    let draw = |number: usize| {
        let hour = (number * SHIFTS / REQUESTS) as u32;
        match random.random_range(0..100) {
            0..50 => (products.draw(&mut random) + hour * 50) % PRODUCTS as u32,
            50..75 => PRODUCTS as u32 + shared.draw(&mut random),
            75..90 if random.random_bool(0.5) => {
                never_again += 1;
                never_again
            }
            75..90 => (PRODUCTS + SHARED) as u32 + lists.draw(&mut random),
            _ => KEYS as u32 + hour * OFFERS as u32 + offers.draw(&mut random),
        }
    };
    (0..REQUESTS).map(draw).collect()
}
