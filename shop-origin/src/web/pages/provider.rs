//! The page of the simulated payment provider, which is not the shop and must not look like it.

use askama::Template;

use super::assets;
use crate::money::Cents;

/// The hosted payment page. Its form posts `decision` (`pay` or `decline`) to `action`. The simulator serves `/assets/`
/// as the shop does.
#[derive(Template)]
#[template(path = "provider.html")]
pub(crate) struct ProviderPage {
    /// Who is paid.
    pub(crate) merchant: String,
    /// The order's number.
    pub(crate) order: String,
    /// The provider's name for this payment, such as "pi_3f9c...".
    pub(crate) reference: String,
    pub(crate) amount: Cents,
    /// Path that the form posts to.
    pub(crate) action: String,
    /// Set once the payment is decided: what became of it, and where the buyer goes back to.
    pub(crate) outcome: Option<String>,
    /// The order's page at the shop.
    pub(crate) return_url: String,
}

impl ProviderPage {
    fn asset(&self, name: &str) -> String {
        assets::url(name)
    }
}
