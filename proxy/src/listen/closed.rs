//! Why the edge closes a connection of its own accord, without an answer.

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Nothing came within the header timeout after it was opened.
    NoRequest,
    /// Nothing came within the idle timeout after a request.
    Idle,
    /// The client took an answer too slowly.
    SlowClient,
    /// A header of the PROXY protocol was expected, and the other end is no trusted proxy.
    UntrustedProxy,
    /// It was, and did not come, or was none.
    ProxyHeader,
}

impl Closed {
    /// The `reason` label in metrics.
    pub(crate) fn label(self) -> &'static str {
        Self::LABELS[self as usize]
    }

    /// Every label, in the order of the reasons.
    pub(crate) const LABELS: [&'static str; 5] =
        ["no_request", "idle", "slow_client", "untrusted_proxy", "proxy_header"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_label() {
        use Closed::{Idle, NoRequest, ProxyHeader, SlowClient, UntrustedProxy};
        let labels = [NoRequest, Idle, SlowClient, UntrustedProxy, ProxyHeader].map(Closed::label);
        assert_eq!(labels, Closed::LABELS);
    }
}
