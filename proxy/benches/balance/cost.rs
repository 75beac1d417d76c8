//! What a choice costs, and what it costs when somebody comes or goes.

use std::{hint::black_box, thread, time::Duration};

use config::model::Balance;
use proxy::balancing::{Balancer, Outcome, Verdict, Wish};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    pools::{MS, Random, address, plain, rules},
    rivals::{LeastConnections, SmoothRoundRobin},
};

const SIZES: [usize; 3] = [4, 100, 1_000];
const RUNS: usize = 9;

/// Nanoseconds of the processor for one choice, its place in flight taken and given back.
pub(crate) fn of_a_choice() {
    println!("\nnanoseconds of one choice with its place in flight taken and given back, best of {RUNS} runs\n");
    println!("{:<34} {:>24}   {:>24}", "", "one thread", "two threads, one pool");
    print!("{:<34}", "rule");
    for _ in 0..2 {
        SIZES.iter().for_each(|size| print!(" {size:>7}"));
        print!("   ");
    }
    println!("endpoints");
    for (rule, balance) in rules() {
        for (weights, of) in [("equal", 1), ("1 to 10", 10)] {
            let pools = SIZES.map(|size| plain(balance.clone(), &weights_of(size, of)));
            line(&format!("{rule}, {weights} weights"), 200_000, |at, times| choose(&pools[at], times, false));
        }
    }
    let pools = SIZES.map(|size| plain(Balance::P2cEwma, &weights_of(size, 1)));
    line("p2c_ewma with the answer counted", 200_000, |at, times| choose(&pools[at], times, true));
    let smooth = SIZES.map(|size| SmoothRoundRobin::new(&weights_of(size, 10)));
    line("nginx's smooth, locked (rival)", 20_000, |at, times| {
        (0..times).for_each(|_| {
            black_box(smooth[at].choose());
        });
    });
    let least = SIZES.map(|size| LeastConnections::new(&weights_of(size, 10)));
    line("linear least connections (rival)", 20_000, |at, times| {
        (0..times).for_each(|_| least[at].end(black_box(least[at].begin())));
    });
}

fn weights_of(size: usize, different: usize) -> Vec<u16> {
    (0..size).map(|index| (index % different + 1) as u16).collect()
}

fn choose(pool: &Balancer, times: usize, counted: bool) {
    let (mut random, mut now) = (Random::new(6), MS);
    for _ in 0..times {
        now += 10_000;
        let wish = Wish { random: random.next(), key: Some(random.next()), now, ..Wish::default() };
        let chosen = black_box(pool.choose(black_box(&wish))).expect("all are up");
        if counted {
            pool.answered(&chosen, Outcome::Answered(200), now + MS);
        }
    }
}

fn line(name: &str, times: usize, run: impl Fn(usize, usize) + Sync) {
    print!("{name:<34}");
    for threads in [1, 2] {
        for at in 0..SIZES.len() {
            print!(" {:>7.1}", best(threads, times, |times| run(at, times)));
        }
        print!("   ");
    }
    println!();
}

/// The best of several runs, as nanoseconds that the processor spends on one of `times` in each thread.
fn best(threads: usize, times: usize, run: impl Fn(usize) + Sync) -> f64 {
    let measure = || {
        let started = now();
        run(times);
        now() - started
    };
    let once = |_| {
        thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(measure)).collect();
            handles.into_iter().map(|handle| handle.join().expect("it does not panic")).sum::<Duration>()
        })
    };
    let best = (0..RUNS).map(once).min().unwrap_or_default();
    best.as_nanos() as f64 / (times * threads) as f64
}

/// Microseconds from a check that fails to the view without that endpoint.
pub(crate) fn of_a_change() {
    println!("\nmicroseconds until an endpoint is out after its check failed, best of {RUNS} runs\n");
    print!("{:<34}", "rule");
    SIZES.iter().for_each(|size| print!(" {size:>7}"));
    println!("   endpoints");
    for (rule, balance) in rules() {
        print!("{:<34}", format!("{rule}, 1 to 10 weights"));
        for size in SIZES {
            let pool = plain(balance.clone(), &weights_of(size, 10));
            let once = |_| {
                let started = now();
                assert!(pool.checked(address(0), Verdict::Unreachable, 0));
                let took = now() - started;
                pool.checked(address(0), Verdict::Well, 0);
                took
            };
            let best = (0..RUNS).map(once).min().unwrap_or_default();
            print!(" {:>7.1}", best.as_nanos() as f64 / 1_000.0);
        }
        println!();
    }
}

/// Time that the processor has spent on this thread.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a clock that starts at zero")
}
