//! Wakes tasks at absolute times, far more exactly than the runtime's own timers (which round up to whole milliseconds
//! while arrivals may be 100 us apart), and without spinning: one timerfd, armed for the earliest of all waiting tasks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use crate::clock::{self, Moment};

/// An alarm clock for the tasks of one thread.
pub(super) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    waiting: RefCell<Waiting>,
}

/// Who waits for when; equal moments in the order of their coming.
#[derive(Default)]
struct Waiting {
    tasks: BTreeMap<(Moment, u64), oneshot::Sender<()>>,
    coming: u64,
}

impl Alarm {
    /// An alarm that wakes nobody yet. Must be called inside a runtime; [`Alarm::run`] must be polled for it to work.
    pub(super) fn new() -> io::Result<Alarm> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(deprecated, reason = "what its successor wants promised in an unsafe block, `OwnedFd` guarantees")]
        let timer = AsyncFd::new(timer)?;
        Ok(Alarm { timer, waiting: RefCell::default() })
    }

    /// Returns at `moment`, or at once when it has passed (after other tasks had a turn).
    pub(super) async fn until(&self, moment: Moment) -> io::Result<()> {
        if moment <= clock::now() {
            tokio::task::yield_now().await;
            return Ok(());
        }
        let (sender, wake) = oneshot::channel();
        let earliest = {
            let mut waiting = self.waiting.borrow_mut();
            let key = (moment, waiting.coming);
            waiting.coming += 1;
            waiting.tasks.insert(key, sender);
            waiting.tasks.first_key_value().is_some_and(|(first, _)| *first == key)
        };
        if earliest {
            self.arm(moment)?;
        }
        wake.await.map_err(|_closed| io::Error::other("the alarm has stopped"))
    }

    /// Keeps waking; ends only with an error.
    pub(super) async fn run(&self) -> io::Error {
        loop {
            match self.timer.readable().await {
                Ok(mut ready) => ready.clear_ready(),
                Err(error) => return error,
            }
            if let Err(error) = self.wake() {
                return error;
            }
        }
    }

    /// Wakes everybody whose time has come and arms the timer for the next. Arming also takes back that the timer has
    /// run out, so that nothing needs to be read from it.
    fn wake(&self) -> io::Result<()> {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(first) = waiting.tasks.first_entry() {
            let moment = first.key().0;
            if moment > clock::now() {
                return self.arm(moment);
            }
            first.remove().send(()).ok(); // a task that was aborted no longer waits
        }
        Ok(())
    }

    fn arm(&self, moment: Moment) -> io::Result<()> {
        let once = Itimerspec { it_interval: Timespec::default(), it_value: moment.to_timespec() };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;

    fn on_one_thread<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, test)
    }

    #[test]
    fn tasks_wake_in_the_order_of_their_moments_and_never_early() {
        let woken = on_one_thread(async {
            let alarm = Rc::new(Alarm::new().unwrap());
            let driver = tokio::task::spawn_local({
                let alarm = alarm.clone();
                async move { alarm.run().await }
            });
            let start = clock::now();
            let woken = Rc::new(RefCell::new(Vec::new()));
            let tasks = [30_u64, 10, 20, 10, 0].map(|ms| {
                let (alarm, woken) = (alarm.clone(), woken.clone());
                tokio::task::spawn_local(async move {
                    let moment = start + Duration::from_millis(ms);
                    alarm.until(moment).await.unwrap();
                    assert!(clock::now() >= moment);
                    woken.borrow_mut().push(ms);
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
            driver.abort();
            woken.take()
        });
        assert_eq!(woken, [0, 10, 10, 20, 30]);
    }

    #[test]
    fn a_task_that_gave_up_is_forgotten() {
        on_one_thread(async {
            let alarm = Alarm::new().unwrap();
            let start = clock::now();
            let given_up = tokio::time::timeout(Duration::ZERO, alarm.until(start + Duration::from_millis(5))).await;
            assert!(given_up.is_err());
            tokio::select! {
                error = alarm.run() => panic!("{error}"),
                result = alarm.until(start + Duration::from_millis(10)) => result.unwrap(),
            }
        });
    }
}
