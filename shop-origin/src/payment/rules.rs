//! The ledger's law and what may be believed of a payment.

use crate::money::Cents;

/// Where money can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// Held for us by the provider (an asset, so debits are positive).
    ProviderClearing,
    /// Paid by buyers for what we have not delivered yet (owed, so negative).
    Prepaid,
    /// To be given back (owed, so negative).
    RefundsDue,
}

impl Account {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Account::ProviderClearing => "provider_clearing",
            Account::Prepaid => "prepaid",
            Account::RefundsDue => "refunds_due",
        }
    }
}

/// A movement of money from one account to another. Both postings are made of one amount, so that their sum is zero
/// whatever is written (invariant I12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) kind: &'static str,
    debit: Account,
    credit: Account,
    amount: Cents,
}

impl Journal {
    /// The provider has taken money from a buyer.
    pub(crate) fn capture(amount: Cents) -> Journal {
        Journal { kind: "capture", debit: Account::ProviderClearing, credit: Account::Prepaid, amount }
    }

    /// Cents was taken for which nothing will be delivered.
    pub(crate) fn refund_due(amount: Cents) -> Journal {
        Journal { kind: "refund_due", debit: Account::Prepaid, credit: Account::RefundsDue, amount }
    }

    pub(crate) fn postings(self) -> [(Account, Cents); 2] {
        [(self.debit, self.amount), (self.credit, -self.amount)]
    }
}

/// What was agreed with the provider, or what the provider says has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) order: String,
    pub(crate) amount: Cents,
    pub(crate) currency: String,
}

/// The first thing in which a message differs from what was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("the order is not the one this session was opened for")]
    Order,
    #[error("the amount is not the one agreed")]
    Amount,
    #[error("the currency is not the one agreed")]
    Currency,
}

/// A signed message may still speak of the wrong order or sum: it pays only for exactly what was agreed (I5).
pub(crate) fn compare(agreed: &Terms, claimed: &Terms) -> Result<(), Mismatch> {
    if claimed.order != agreed.order {
        return Err(Mismatch::Order);
    }
    if claimed.amount != agreed.amount {
        return Err(Mismatch::Amount);
    }
    match claimed.currency.eq_ignore_ascii_case(&agreed.currency) {
        true => Ok(()),
        false => Err(Mismatch::Currency),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_journal_sums_to_zero() {
        for journal in [Journal::capture(Cents(129_900)), Journal::refund_due(Cents(1))] {
            let sum: Cents = journal.postings().into_iter().map(|(_, amount)| amount).sum();
            assert_eq!(sum, Cents::ZERO);
        }
    }

    #[test]
    fn only_what_was_agreed_is_paid_for() {
        let agreed = Terms { order: "A".to_owned(), amount: Cents(100), currency: "cny".to_owned() };
        let claim = |change: fn(&mut Terms)| {
            let mut claimed = agreed.clone();
            change(&mut claimed);
            compare(&agreed, &claimed)
        };
        assert_eq!(claim(|claimed| claimed.currency = "CNY".to_owned()), Ok(()));
        assert_eq!(claim(|claimed| claimed.order = "B".to_owned()), Err(Mismatch::Order));
        assert_eq!(claim(|claimed| claimed.amount = Cents(99)), Err(Mismatch::Amount));
        assert_eq!(claim(|claimed| claimed.currency = "usd".to_owned()), Err(Mismatch::Currency));
    }
}
