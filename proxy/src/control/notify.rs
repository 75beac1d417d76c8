//! What the service manager is told (sd_notify(3)); nothing, where there is none.

use sd_notify::NotifyState;

/// This process serves; it may have taken over from an earlier one.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
}

/// A reload begins; [`reloaded`] ends it.
pub(super) fn reloading() {
    let Ok(now) = NotifyState::monotonic_usec_now() else { return };
    tell(&[NotifyState::Reloading, now]);
}

/// A reload is over; `state` says in a few words what is live.
pub(super) fn reloaded(state: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(state)]);
}

/// The end begins.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager does not listen");
    }
}
